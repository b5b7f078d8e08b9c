import type { z } from 'zod';
import { fieldError } from './field-error.js';
import type { generationFields } from './generation-fields.js';
import { readFields } from './read-fields.js';
import { unsupportedFields } from './unsupported-fields.js';

/**
 * Checks a body against the schema of an endpoint of OpenAI's that generates text.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseBody<Schema extends z.ZodObject<typeof generationFields>>(
  schema: Schema,
  body: unknown,
): z.output<Schema> {
  const fields = readFields(schema, body, unsupportedFields);
  if (fields.stream_options !== undefined && fields.stream !== true) {
    throw fieldError('stream_options', 'must come with stream: true');
  }
  return fields;
}
