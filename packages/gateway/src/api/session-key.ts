import { fieldError } from './field-error.js';

/** Characters. */
const keyMax = 256;

/**
 * The session that the header `x-sluice-session` says a request belongs to, for routing; undefined where it says nothing.
 * @throws ServingError `invalid_request` for a header that is empty or too long.
 */
export function sessionKey(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const given = headers['x-sluice-session'];
  if (given === undefined) return undefined;
  const key = String(given);
  if (key.length >= 1 && key.length <= keyMax) return key;
  throw fieldError('x-sluice-session', `of ${key.length} characters must have 1 to ${keyMax}`);
}
