import { ServingError } from '@sluice/shared';
import type { z } from 'zod';
import { errorFromIssues, fieldError, preview } from './field-error.js';

/**
 * An object whose `type` says what it is, as one of the kinds that may stand in its place.
 * @param field where it stands, in the caller's spelling (`messages[0].content[2]`).
 * @throws ServingError `unsupported_parameter` for a kind that has no schema here, `invalid_request` for what is wrong in
 * one that has; both name field, value and bound.
 */
export function readKind<Schemas extends Readonly<Record<string, z.ZodObject>>>(
  given: unknown,
  field: string,
  schemas: Schemas,
): z.output<Schemas[keyof Schemas]> {
  if (typeof given !== 'object' || given === null) throw fieldError(field, `${preview(given)} must be an object`);
  const type = 'type' in given ? given.type : undefined;
  if (type === undefined) throw fieldError(`${field}.type`, 'is required');
  if (typeof type !== 'string') throw fieldError(`${field}.type`, `${preview(type)} must be a string`);
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (schema === undefined) {
    const known = Object.keys(schemas).map((name) => JSON.stringify(name));
    const problem = `${preview(type)} is not supported here, only ${known.join(' and ')}`;
    throw new ServingError('unsupported_parameter', `${field}.type: ${problem}`, { field: `${field}.type` });
  }
  return readChecked(schema, given, field) as z.output<Schemas[keyof Schemas]>;
}

/** @throws ServingError `invalid_request` naming field, value and bound. */
export function readChecked<Schema extends z.ZodType>(schema: Schema, given: unknown, field: string): z.output<Schema> {
  const result = schema.safeParse(given);
  if (!result.success) throw errorFromIssues(result.error.issues, given, field);
  return result.data;
}
