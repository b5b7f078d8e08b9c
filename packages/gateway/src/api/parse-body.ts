import type { z } from 'zod';
import { errorFromIssues, fieldError } from './field-error.js';
import type { generationFields } from './generation-fields.js';
import { withoutUnsupported } from './unsupported-fields.js';

/**
 * Checks a body against an endpoint's schema; what it returns can be trusted.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseBody<Schema extends z.ZodObject<typeof generationFields>>(
  schema: Schema,
  body: unknown,
): z.output<Schema> {
  const given = isRecord(body) ? withoutUnsupported(body, schema.shape) : body;
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, given);
  if (parsed.data.stream_options !== undefined && parsed.data.stream !== true) {
    throw fieldError('stream_options', 'must come with stream: true');
  }
  return parsed.data;
}

function isRecord(body: unknown): body is object {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
