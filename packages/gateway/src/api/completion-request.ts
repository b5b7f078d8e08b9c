import { z } from 'zod';
import { fieldError, preview } from './field-error.js';
import type { GenerationCall, Prompt } from './generation-call.js';
import { generationFields, readGenerationFields, wellFormedString } from './generation-fields.js';
import { parseBody } from './parse-body.js';

/** OpenAI's default for this endpoint. */
const tokensMaxDefault = 16;
const tokenIdMax = 2 ** 31 - 1;

const completionSchema = z.strictObject({
  ...generationFields,
  // Not z.array, which would copy what may be millions of token ids.
  prompt: z.union([wellFormedString, z.custom<readonly unknown[]>(Array.isArray, 'must be a string or an array')]),
  /** The old form: a count says both that log-probabilities are wanted and how many. */
  logprobs: z.int().min(0).max(5).optional(),
});

/**
 * Body of `POST /v1/completions`. The prompt is a string, an array of token ids, or an array with one of these.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseCompletionRequest(body: unknown): GenerationCall {
  const fields = parseBody(completionSchema, body);
  return {
    ...readGenerationFields(fields),
    prompt: readPrompt(fields.prompt),
    tokensMax: fields.max_tokens ?? tokensMaxDefault,
    tokensMaxField: 'max_tokens',
    logprobsTop: fields.logprobs,
  };
}

function readPrompt(prompt: string | readonly unknown[]): Prompt {
  if (prompt.length === 0) throw fieldError('prompt', `${preview(prompt)} must hold at least one token`);
  if (typeof prompt === 'string') return { kind: 'text', text: prompt };
  const first = prompt[0];
  if (typeof first === 'number') return { kind: 'tokens', tokenIds: checkTokenIds(prompt, 'prompt') };
  if (typeof first !== 'string' && !Array.isArray(first)) {
    throw fieldError('prompt[0]', `${preview(first)} must be a string, a token id or an array of token ids`);
  }
  if (prompt.length > 1) throw fieldError('prompt', `${preview(prompt)} must have at most 1 prompt`);
  if (first.length === 0) throw fieldError('prompt[0]', `${preview(first)} must hold at least one token`);
  if (typeof first !== 'string') return { kind: 'tokens', tokenIds: checkTokenIds(first, 'prompt[0]') };
  const text = wellFormedString.safeParse(first);
  if (!text.success) throw fieldError('prompt[0]', `${preview(first)} must not hold half of a surrogate pair`);
  return { kind: 'text', text: first };
}

/** By hand: a schema would collect an issue for each of a million bad entries. */
function checkTokenIds(entries: readonly unknown[], field: string): readonly number[] {
  for (let i = 0; i < entries.length; i++) {
    const id = entries[i];
    if (!Number.isInteger(id)) throw fieldError(`${field}[${i}]`, `${preview(id)} must be a token id, a whole number`);
    if ((id as number) < 0) throw fieldError(`${field}[${i}]`, `${id} must be at least 0`);
    if ((id as number) > tokenIdMax) throw fieldError(`${field}[${i}]`, `${id} must be at most ${tokenIdMax}`);
  }
  return entries as readonly number[];
}
