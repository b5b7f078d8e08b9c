import { z } from 'zod';
import { checkedByHand } from './checked-by-hand.js';
import { fieldError, preview } from './field-error.js';
import type { GenerationCall, Prompt } from './generation-call.js';
import { generationFields, isWellFormed, readGenerationFields, wellFormedString } from './generation-fields.js';
import { parseBody } from './parse-body.js';

/** OpenAI's default for this endpoint. */
const tokensMaxDefault = 16;
const promptsMax = 128;
const tokenIdMax = 2 ** 31 - 1;

const tokenIdsShape = z.array(z.int().min(0).max(tokenIdMax)).min(1);
const promptArrayShape = z.union([
  tokenIdsShape,
  z
    .array(z.union([z.string().min(1), tokenIdsShape]))
    .min(1)
    .max(promptsMax),
]);

export const completionSchema = z.strictObject({
  ...generationFields,
  // Not z.array, which would copy what may be millions of token ids.
  prompt: z.union([
    wellFormedString,
    checkedByHand(z.custom<readonly unknown[]>(Array.isArray, 'must be a string or an array'), promptArrayShape),
  ]),
  /** The old form: a count says both that log-probabilities are wanted and how many. */
  logprobs: z.int().min(0).max(5).optional(),
});

/**
 * Body of `POST /v1/completions`. The prompt is a string, an array of token ids, or an array of either.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseCompletionRequest(body: unknown): GenerationCall {
  const fields = parseBody(completionSchema, body);
  return {
    ...readGenerationFields(fields),
    prompts: readPrompts(fields.prompt),
    tokensMax: fields.max_tokens ?? tokensMaxDefault,
    tokensMaxField: 'max_tokens',
    logprobsTop: fields.logprobs,
  };
}

function readPrompts(prompt: string | readonly unknown[]): Prompt[] {
  if (prompt.length === 0) throw fieldError('prompt', `${preview(prompt)} must hold at least one token`);
  if (typeof prompt === 'string') return [{ kind: 'text', text: prompt }];
  if (typeof prompt[0] === 'number') return [{ kind: 'tokens', tokenIds: checkTokenIds(prompt, 'prompt') }];
  if (prompt.length > promptsMax) {
    throw fieldError('prompt', `${preview(prompt)} must have at most ${promptsMax} prompts`);
  }
  return prompt.map((one, index) => readPrompt(one, `prompt[${index}]`));
}

function readPrompt(prompt: unknown, field: string): Prompt {
  if (typeof prompt !== 'string' && !Array.isArray(prompt)) {
    throw fieldError(field, `${preview(prompt)} must be a string, a token id or an array of token ids`);
  }
  if (prompt.length === 0) throw fieldError(field, `${preview(prompt)} must hold at least one token`);
  if (typeof prompt !== 'string') return { kind: 'tokens', tokenIds: checkTokenIds(prompt, field) };
  if (!isWellFormed(prompt)) throw fieldError(field, `${preview(prompt)} must not hold half of a surrogate pair`);
  return { kind: 'text', text: prompt };
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
