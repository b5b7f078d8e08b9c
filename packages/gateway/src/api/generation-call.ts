import type { GenerateRequestInit, SamplingInit } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { fieldError } from './field-error.js';

/** A prompt as the worker takes it. */
export type Prompt =
  | { readonly kind: 'messages'; readonly json: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokenIds: readonly number[] };

/** What a body asked for once it has been checked: the same for every endpoint that generates text. */
export interface GenerationCall {
  /** Undefined: the only model there is. */
  readonly model: string | undefined;
  /** At least one. */
  readonly prompts: readonly Prompt[];
  /** Answers to each prompt, at least 1. */
  readonly samples: number;
  /** Answers that are drawn for each prompt, of which the caller gets the best; at least `samples`. */
  readonly samplesDrawn: number;
  /** 0: as many as the context leaves. */
  readonly tokensMax: number;
  /** The caller's own name for `tokensMax`. */
  readonly tokensMaxField: string;
  /** Without a seed when the caller gave none. */
  readonly sampling: Omit<SamplingInit, 'seed'>;
  readonly seed: number | undefined;
  readonly stopStrings: readonly string[];
  readonly ignoreEnd: boolean;
  /** How many of the likeliest tokens to list beside each token; undefined: no log-probabilities. */
  readonly logprobsTop: number | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** The caller's name for its own user; a session, for routing, where no header names one. */
  readonly user: string | undefined;
}

/** A call that asks for nothing but an answer, for endpoints to add to. */
export const plainCall = {
  samples: 1,
  samplesDrawn: 1,
  sampling: {
    temperature: 1,
    topP: 1,
    topK: 0,
    minP: 0,
    presencePenalty: 0,
    frequencyPenalty: 0,
    repetitionPenalty: 1,
    logitBias: [],
  },
  seed: undefined,
  stopStrings: [],
  ignoreEnd: false,
  logprobsTop: undefined,
  stream: false,
  includeUsage: false,
  user: undefined,
} satisfies Partial<GenerationCall>;

/** What of the serving model a call is checked against; 0 where only its server knows. */
export interface ModelBounds {
  readonly contextTokens: number;
  readonly vocabularyCount: number;
}

/**
 * The checks that need the model.
 * @throws ServingError `invalid_request` when a limit or a token id is beyond what the model has,
 * `context_length_exceeded` for token ids that leave no room for an answer; text is counted by the worker.
 */
export function checkAgainstModel(call: GenerationCall, given: ModelBounds): void {
  const { tokensMax, tokensMaxField, prompts } = call;
  const bounds = {
    contextTokens: given.contextTokens || Number.POSITIVE_INFINITY,
    vocabularyCount: given.vocabularyCount || Number.POSITIVE_INFINITY,
  };
  if (tokensMax > bounds.contextTokens) {
    const bound = `must be at most ${bounds.contextTokens}, the model's context`;
    throw fieldError(tokensMaxField, `${tokensMax} ${bound}`);
  }
  prompts.forEach((prompt, index) => {
    if (prompt.kind === 'tokens') checkTokens(prompt.tokenIds, promptField(prompts, index), bounds);
  });
  for (const { tokenId = 0 } of call.sampling.logitBias ?? []) {
    if (tokenId < bounds.vocabularyCount) continue;
    const bound = `must be at most ${bounds.vocabularyCount - 1}, the model's last token`;
    throw fieldError('logit_bias', `token ${tokenId} ${bound}`);
  }
}

function checkTokens(
  tokenIds: readonly number[],
  field: string,
  { contextTokens, vocabularyCount }: ModelBounds,
): void {
  if (tokenIds.length >= contextTokens) {
    const bound = `at most ${contextTokens - 1} fit the context of ${contextTokens} tokens`;
    throw new ServingError('context_length_exceeded', `${field}: ${tokenIds.length} tokens are too many, ${bound}`, {
      field,
    });
  }
  const at = tokenIds.findIndex((id) => id >= vocabularyCount);
  if (at < 0) return;
  const bound = `must be at most ${vocabularyCount - 1}, the model's last token`;
  throw fieldError(`${field}[${at}]`, `${tokenIds[at]} ${bound}`);
}

/** The caller's own name for a prompt. */
export function promptField(prompts: readonly Prompt[], index: number): string {
  return prompts.length === 1 ? 'prompt' : `prompt[${index}]`;
}

/** What tells the requests of one call apart. */
export interface RequestTerms {
  readonly requestId: string;
  readonly prompt: Prompt;
  readonly seed: number;
  /** Of requests with the same prompt; 0: it is alone. */
  readonly group: number;
}

/** One choice of the call as it goes to a worker. */
export function toGenerateRequest(call: GenerationCall, terms: RequestTerms): GenerateRequestInit {
  const needsLogprobs = call.logprobsTop !== undefined || call.samplesDrawn > call.samples;
  return {
    requestId: terms.requestId,
    ...promptOnWire(terms.prompt),
    sampling: { ...call.sampling, seed: terms.seed },
    tokensMax: call.tokensMax,
    stopStrings: [...call.stopStrings],
    ignoreEnd: call.ignoreEnd,
    logprobs: needsLogprobs,
    logprobsTop: call.logprobsTop ?? 0,
    group: terms.group,
  };
}

function promptOnWire(prompt: Prompt): Pick<GenerateRequestInit, 'messagesJson' | 'text' | 'tokenIds'> {
  switch (prompt.kind) {
    case 'messages':
      return { messagesJson: prompt.json };
    case 'text':
      return { text: prompt.text };
    case 'tokens':
      return { tokenIds: { ids: prompt.tokenIds as number[] } };
  }
}
