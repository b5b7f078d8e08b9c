import type { LogitBiasInit, SamplingInit } from '@sluice/proto';
import { z } from 'zod';
import { checkedByHand } from './checked-by-hand.js';
import { constraintFields, readConstraint } from './constraint-fields.js';
import { fieldError, preview } from './field-error.js';
import type { GenerationCall } from './generation-call.js';
import { wellFormedString } from './well-formed.js';

export { isWellFormed, wellFormedString } from './well-formed.js';

const stopStringsMax = 16;
const stopCharactersMax = 1024;
const stopTokensMax = 256;
const logitBiasMax = 1024;
/** Answers to one prompt. */
export const samplesMax = 16;
/** Likeliest tokens beside each. */
export const logprobsTopMax = 20;
/** Above every real limit, and safely inside the wire's uint32. */
const countMax = 2 ** 31 - 1;

const stopString = wellFormedString.min(1).max(stopCharactersMax);
const stopStrings = z.array(stopString);
/** An array's length comes first, so that a million bad entries cost one look. */
const stop = z.union([
  stopString,
  checkedByHand(z.array(z.unknown()).max(stopStringsMax), stopStrings.max(stopStringsMax)).pipe(stopStrings),
]);
const stopTokens = z.array(z.int().min(0).max(countMax));
const stopTokenIds = checkedByHand(z.array(z.unknown()).max(stopTokensMax), stopTokens.max(stopTokensMax)).pipe(
  stopTokens,
);
const logitBiasShape = z
  .record(z.string().regex(/^\d{1,9}$/), z.number().min(-100).max(100))
  .meta({ maxProperties: logitBiasMax });
const metadataShape = z.record(z.string(), z.unknown()).meta({ maxProperties: 16 });

/** The fields that every endpoint that generates text takes, with OpenAI's ranges; null is as good as absent. */
export const generationFields = {
  model: z.string().min(1).max(512).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  /** -1, as some clients write it, means all tokens, as 0 does. */
  top_k: z.int().min(-1).max(countMax).optional(),
  min_p: z.number().min(0).max(1).optional(),
  seed: z.int().optional(),
  stop: stop.optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  repetition_penalty: z.number().gt(0).max(10).optional(),
  logit_bias: checkedByHand(z.unknown(), logitBiasShape).optional().transform(parseLogitBias),
  max_tokens: z.int().min(1).max(countMax).optional(),
  n: z.int().min(1).max(samplesMax).optional(),
  stream: z.boolean().optional(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().optional(), include_obfuscation: z.literal(false).optional() })
    .optional(),
  ignore_eos: z.boolean().optional(),
  min_tokens: z.int().min(0).max(countMax).optional(),
  stop_token_ids: stopTokenIds.optional(),
  include_stop_str_in_output: z.boolean().optional(),
  skip_special_tokens: z.boolean().optional(),
  prompt_logprobs: z.int().min(0).max(logprobsTopMax).optional(),
  ...constraintFields,
  user: z.string().max(512).optional(),
  // Accepted because clients send them; they change nothing.
  safety_identifier: z.string().max(512).optional(),
  prompt_cache_key: z.string().max(512).optional(),
  metadata: checkedByHand(z.unknown(), metadataShape).optional().transform(checkMetadata),
};

const allFields = z.strictObject(generationFields);
type GenerationFields = z.output<typeof allFields>;

/** The part of a {@link GenerationCall} that these fields decide. */
export function readGenerationFields(fields: GenerationFields) {
  return {
    model: fields.model,
    sampling: readSampling(fields),
    seed: fields.seed === undefined ? undefined : unsignedSeed(fields.seed),
    stopStrings: fields.stop === undefined ? [] : typeof fields.stop === 'string' ? [fields.stop] : fields.stop,
    samples: fields.n ?? 1,
    samplesDrawn: fields.n ?? 1,
    ignoreEnd: fields.ignore_eos ?? false,
    stopTokenIds: fields.stop_token_ids ?? [],
    showsControl: fields.skip_special_tokens === false,
    includeStop: fields.include_stop_str_in_output ?? false,
    tokensMin: readTokensMin(fields),
    promptLogprobsTop: readPromptLogprobs(fields),
    constraint: readConstraint(fields),
    stream: fields.stream ?? false,
    includeUsage: fields.stream_options?.include_usage ?? false,
    user: fields.user,
  } satisfies Partial<GenerationCall>;
}

function readTokensMin({ min_tokens = 0, max_tokens }: GenerationFields): number {
  if (max_tokens === undefined || min_tokens <= max_tokens) return min_tokens;
  throw fieldError('min_tokens', `${min_tokens} must be at most max_tokens, ${max_tokens}`);
}

function readPromptLogprobs({ prompt_logprobs, stream }: GenerationFields): number | undefined {
  if (prompt_logprobs === undefined || stream !== true) return prompt_logprobs;
  throw fieldError('prompt_logprobs', `${prompt_logprobs} must not come with stream: true`);
}

function readSampling(fields: GenerationFields): Omit<SamplingInit, 'seed'> {
  return {
    temperature: fields.temperature ?? 1,
    topP: fields.top_p ?? 1,
    topK: Math.max(fields.top_k ?? 0, 0),
    minP: fields.min_p ?? 0,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    repetitionPenalty: fields.repetition_penalty ?? 1,
    logitBias: fields.logit_bias,
  };
}

/** The wire's seeds have no sign; a negative one keeps its own value apart from every positive one it could meet. */
function unsignedSeed(seed: number): number {
  return seed < 0 ? Number.MAX_SAFE_INTEGER + seed : seed;
}

/** By hand, because it must stop at the first bad entry of what may be a million. */
function parseLogitBias(value: unknown, context: z.RefinementCtx): LogitBiasInit[] {
  if (value === undefined) return [];
  const refuse = (path: string[], message: string): never[] => {
    context.issues.push({ code: 'custom', path, message, input: value });
    return [];
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse([], 'must be an object from token ids to biases');
  }
  const entries = Object.entries(value);
  if (entries.length > logitBiasMax) return refuse([], `of ${entries.length} tokens must have at most ${logitBiasMax}`);
  const biases: LogitBiasInit[] = [];
  for (const [key, bias] of entries) {
    if (!/^\d{1,9}$/.test(key)) return refuse([], `has the key ${preview(key)}, which must be a token id`);
    if (typeof bias !== 'number' || !(bias >= -100 && bias <= 100)) {
      return refuse([key], 'must be a number of at least -100 and at most 100');
    }
    biases.push({ tokenId: Number(key), bias });
  }
  return biases;
}

function checkMetadata(value: unknown, context: z.RefinementCtx): undefined {
  if (value === undefined) return;
  const refuse = (message: string) => context.issues.push({ code: 'custom', message, input: value });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('must be an object');
  else if (Object.keys(value).length > 16) refuse(`of ${Object.keys(value).length} keys must have at most 16`);
}
