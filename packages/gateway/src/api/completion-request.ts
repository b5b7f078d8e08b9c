import { z } from 'zod';
import { checkedByHand } from './checked-by-hand.js';
import { fieldError, preview } from './field-error.js';
import { type GenerationCall, type Prompt, plainCall } from './generation-call.js';
import {
  generationFields,
  isWellFormed,
  logprobsTopMax,
  readGenerationFields,
  samplesMax,
  wellFormedString,
} from './generation-fields.js';
import { parseBody } from './parse-body.js';

/** OpenAI's default for this endpoint. */
const tokensMaxDefault = 16;
const promptsMax = 128;
/** Answers drawn for all prompts together. */
const choicesMax = 256;
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
  /** 0: nothing but the prompt, which `echo` gives back. */
  max_tokens: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  /** The old form: a count says both that log-probabilities are wanted and how many. */
  logprobs: z.int().min(0).max(logprobsTopMax).optional(),
  best_of: z.int().min(1).max(samplesMax).optional(),
  echo: z.boolean().optional(),
  /** For models that fill in the middle. */
  suffix: wellFormedString.optional(),
});

/**
 * Body of `POST /v1/completions`. The prompt is a string, an array of token ids, or an array of either.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseCompletionRequest(body: unknown): GenerationCall {
  const fields = parseBody(completionSchema, body);
  const { max_tokens: tokensMax = tokensMaxDefault, echo = false } = fields;
  if (tokensMax === 0 && !echo) throw fieldError('max_tokens', '0 must be at least 1 without echo');
  const prompts = readPrompts(fields.prompt, 'prompt', promptsMax);
  return {
    ...plainCall,
    ...readGenerationFields(fields),
    prompts,
    samplesDrawn: readSamplesDrawn(fields, prompts.length),
    tokensMax,
    tokensMaxField: 'max_tokens',
    generatesNothing: tokensMax === 0,
    logprobsTop: fields.logprobs,
    echo,
    suffix: readSuffix(fields),
  };
}

function readSuffix({ suffix, echo }: z.output<typeof completionSchema>): string | undefined {
  if (suffix === undefined || suffix === '') return undefined;
  if (echo) throw fieldError('suffix', 'must not come with echo: true');
  return suffix;
}

function readSamplesDrawn({ n = 1, best_of, stream }: z.output<typeof completionSchema>, prompts: number): number {
  const drawn = best_of ?? n;
  const field = best_of === undefined ? 'n' : 'best_of';
  if (drawn < n) throw fieldError('best_of', `${drawn} must be at least n, ${n}`);
  if (drawn > n && stream) throw fieldError('best_of', `${drawn} must equal n, ${n}, where the answer is streamed`);
  if (drawn * prompts > choicesMax) {
    throw fieldError(field, `${drawn} must be at most ${Math.floor(choicesMax / prompts)} for ${prompts} prompts`);
  }
  return drawn;
}

/**
 * A string, an array of token ids, or an array of either.
 * @param name the caller's own, of the field.
 * @throws ServingError `invalid_request`, naming the entry that is wrong.
 */
export function readPrompts(prompt: string | readonly unknown[], name: string, most: number): Prompt[] {
  if (prompt.length === 0) throw fieldError(name, `${preview(prompt)} must hold at least one token`);
  if (typeof prompt === 'string') return [{ kind: 'text', text: prompt }];
  if (typeof prompt[0] === 'number') return [{ kind: 'tokens', tokenIds: checkTokenIds(prompt, name) }];
  if (prompt.length > most) throw fieldError(name, `${preview(prompt)} must have at most ${most} ${name}s`);
  return prompt.map((one, index) => readPrompt(one, `${name}[${index}]`));
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
