import { z } from 'zod';
import { checkedByHand } from './checked-by-hand.js';
import { readPrompts } from './completion-request.js';
import { type GenerationCall, plainCall } from './generation-call.js';
import { wellFormedString } from './generation-fields.js';
import { readFields } from './read-fields.js';

/** As many as OpenAI takes. */
const inputsMax = 2048;
const tokenIds = z.array(z.int().min(0)).min(1);
const inputArrayShape = z.union([
  tokenIds,
  z
    .array(z.union([z.string().min(1), tokenIds]))
    .min(1)
    .max(inputsMax),
]);

export const embeddingSchema = z.strictObject({
  model: z.string().min(1).max(512).optional(),
  // Not z.array, which would copy what may be millions of token ids.
  input: z.union([
    wellFormedString,
    checkedByHand(z.custom<readonly unknown[]>(Array.isArray, 'must be a string or an array'), inputArrayShape),
  ]),
  encoding_format: z.enum(['float', 'base64']).optional(),
  /** Of the model, and no other. */
  dimensions: z.int().min(1).optional(),
  /** Beyond OpenAI's fields: of all tokens, or of the last one. */
  pooling: z.enum(['mean', 'last']).optional(),
  user: z.string().max(512).optional(),
});

/**
 * Body of `POST /v1/embeddings`. The input is a string, an array of token ids, or an array of either: each a request of
 * its own to a worker.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseEmbeddingRequest(body: unknown): GenerationCall {
  const { model, input, encoding_format, dimensions, pooling, user } = readFields(embeddingSchema, body, {});
  return {
    ...plainCall,
    model,
    user,
    prompts: readPrompts(input, 'input', inputsMax),
    promptName: 'input',
    tokensMax: 0,
    tokensMaxField: 'input',
    generatesNothing: true,
    embedding: { pooling: pooling ?? 'mean', dimensions, isBase64: encoding_format === 'base64' },
  };
}
