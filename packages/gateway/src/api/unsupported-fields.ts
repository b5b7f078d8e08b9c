import { ServingError } from '@sluice/shared';
import { preview, unknownField } from './field-error.js';

/** Whether a value asks for nothing beyond what is done anyway. */
export interface IsNeutral {
  (value: unknown): boolean;
  /** These values, as JSON Schema, for the API's description; undefined: there are none. */
  readonly values: Readonly<Record<string, unknown>> | undefined;
}

export function neutral(values: IsNeutral['values'], isNeutral: (value: unknown) => boolean): IsNeutral {
  return Object.assign(isNeutral, { values });
}

export const is = (...values: readonly unknown[]): IsNeutral =>
  neutral({ enum: values }, (value) => values.includes(value));
export const isEmpty = neutral({ type: 'array', maxItems: 0 }, (value) => Array.isArray(value) && value.length === 0);
export const isOfType = (type: string): IsNeutral =>
  neutral(
    { type: 'object', properties: { type: { const: type } }, required: ['type'] },
    (value) => typeof value === 'object' && value !== null && 'type' in value && value.type === type,
  );
export const anything = neutral({}, () => true);
export const never = neutral(undefined, () => false);
const isTextOnly = neutral(
  { type: 'array', items: { const: 'text' } },
  (value) => Array.isArray(value) && value.every((entry) => entry === 'text'),
);

/** Fields of the protocol, or of engines that speak it, that are known and not done. */
export const unsupportedFields: Readonly<Record<string, IsNeutral>> = {
  best_of: is(1),
  echo: is(false),
  suffix: is(''),
  functions: isEmpty,
  function_call: is('none', 'auto'),
  modalities: isTextOnly,
  audio: never,
  prediction: never,
  reasoning_effort: is('none'),
  verbosity: is('medium'),
  service_tier: is('auto', 'default'),
  store: is(false),
  web_search_options: never,
  use_beam_search: is(false),
  length_penalty: is(1),
  chat_template: never,
};

/**
 * The body without unsupported fields whose value is the neutral one, and without nulls: null is as good as absent for
 * every field that we know, `supported` or not. Looks no further than the first field that it refuses.
 * @param known those of the API that the body is written for.
 * @throws ServingError `unsupported_parameter` for a field that asks for what is not done, `invalid_request` for one
 * that nobody knows.
 */
export function withoutUnsupported(
  body: object,
  supported: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, IsNeutral>>,
): object {
  const rest: [string, unknown][] = [];
  for (const [field, value] of Object.entries(body)) {
    const isNeutral = Object.hasOwn(known, field) ? known[field] : undefined;
    const isSupported = Object.hasOwn(supported, field);
    if (!isSupported && isNeutral === undefined) throw unknownField(field);
    if (value === null) continue;
    if (isSupported) rest.push([field, value]);
    else if (!isNeutral?.(value)) {
      throw new ServingError('unsupported_parameter', `${field}: ${preview(value)} is not supported`, { field });
    }
  }
  return Object.fromEntries(rest);
}
