import type { z } from 'zod';
import { errorFromIssues } from './field-error.js';
import { type IsNeutral, withoutUnsupported } from './unsupported-fields.js';

/**
 * Checks a body against the schema of its fields; what it returns can be trusted.
 * @param unsupported fields of the API that are known and not done.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function readFields<Schema extends z.ZodObject>(
  schema: Schema,
  body: unknown,
  unsupported: Readonly<Record<string, IsNeutral>>,
): z.output<Schema> {
  const isRecord = typeof body === 'object' && body !== null && !Array.isArray(body);
  const given = isRecord ? withoutUnsupported(body, schema.shape, unsupported) : body;
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, given);
  return parsed.data;
}
