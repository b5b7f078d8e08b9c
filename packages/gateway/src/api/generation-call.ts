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
  readonly prompt: Prompt;
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
  const { tokensMax, tokensMaxField, prompt } = call;
  const bounds = {
    contextTokens: given.contextTokens || Number.POSITIVE_INFINITY,
    vocabularyCount: given.vocabularyCount || Number.POSITIVE_INFINITY,
  };
  if (tokensMax > bounds.contextTokens) {
    const bound = `must be at most ${bounds.contextTokens}, the model's context`;
    throw fieldError(tokensMaxField, `${tokensMax} ${bound}`);
  }
  if (prompt.kind === 'tokens') {
    checkTokenCount(prompt.tokenIds.length, bounds.contextTokens);
    const at = prompt.tokenIds.findIndex((id) => id >= bounds.vocabularyCount);
    if (at >= 0) {
      const bound = `must be at most ${bounds.vocabularyCount - 1}, the model's last token`;
      throw fieldError(`prompt[${at}]`, `${prompt.tokenIds[at]} ${bound}`);
    }
  }
  for (const { tokenId = 0 } of call.sampling.logitBias ?? []) {
    if (tokenId < bounds.vocabularyCount) continue;
    const bound = `must be at most ${bounds.vocabularyCount - 1}, the model's last token`;
    throw fieldError('logit_bias', `token ${tokenId} ${bound}`);
  }
}

function checkTokenCount(promptTokens: number, contextTokens: number): void {
  if (promptTokens < contextTokens) return;
  const bound = `at most ${contextTokens - 1} fit the context of ${contextTokens} tokens`;
  throw new ServingError('context_length_exceeded', `prompt: ${promptTokens} tokens are too many, ${bound}`, {
    field: 'prompt',
  });
}

/** The call as it goes to a worker. `seed` stands in where the caller gave none. */
export function toGenerateRequest(call: GenerationCall, requestId: string, seed: number): GenerateRequestInit {
  return {
    requestId,
    ...promptField(call.prompt),
    sampling: { ...call.sampling, seed: call.seed ?? seed },
    tokensMax: call.tokensMax,
    stopStrings: [...call.stopStrings],
    ignoreEnd: call.ignoreEnd,
    logprobs: call.logprobsTop !== undefined,
    logprobsTop: call.logprobsTop ?? 0,
  };
}

function promptField(prompt: Prompt): Pick<GenerateRequestInit, 'messagesJson' | 'text' | 'tokenIds'> {
  switch (prompt.kind) {
    case 'messages':
      return { messagesJson: prompt.json };
    case 'text':
      return { text: prompt.text };
    case 'tokens':
      return { tokenIds: { ids: prompt.tokenIds as number[] } };
  }
}
