import type { ServingError } from '@sluice/shared';
import type { TokenGuide } from './token-guide.js';

/** How the next token is chosen. Ranges are checked where a request enters; see GenerateRequest in worker.proto. */
export interface SamplingParams {
  /** 0: greedy. */
  readonly temperature: number;
  /** 0: all tokens. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly seed: number;
  readonly logitBias: ReadonlyMap<number, number>;
}

export const greedySampling: SamplingParams = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0,
  logitBias: new Map(),
};

export const priorities = ['low', 'normal', 'high'] as const;
export type Priority = (typeof priorities)[number];

/** What a sequence's timing is held against, in milliseconds. */
export interface Objectives {
  /** From the submit to the first token. */
  readonly ttftMs: number;
  /** Between two tokens; kept when at most one gap in a hundred is longer. */
  readonly tbtMs: number;
}

/** Where nobody says otherwise: a first token before a reader looks away, and tokens about as fast as one reads aloud. */
export const defaultObjectives: Objectives = { ttftMs: 5_000, tbtMs: 200 };

/** Objectives go from 1 ms to an hour. */
export const OBJECTIVE_MS_MAX = 3_600_000;

/** How urgent a request is, and for whom. */
export interface ServiceTerms {
  readonly priority: Priority;
  /** Undefined: the worker's own. One that cannot be met is taken and missed. */
  readonly ttftMs: number | undefined;
  readonly tbtMs: number | undefined;
  /** Requests of one client share what fair policies give it; empty: nobody in particular. */
  readonly client: string;
}

export const defaultTerms: ServiceTerms = { priority: 'normal', ttftMs: undefined, tbtMs: undefined, client: '' };

/** What the engine is asked to do: token ids in, token ids out. Text is the business of worker/text. */
export interface SequenceRequest {
  /** Unique among the live sequences of the engine. */
  readonly id: string;
  /** At least one. */
  readonly promptIds: readonly number[];
  /** Generated elsewhere already, fewer than `tokensMax`: the sequence goes on behind them. Absent: none. */
  readonly generatedIds?: readonly number[];
  /**
   * Most tokens to generate, `generatedIds` included; the engine lowers it to what the context leaves. 0: the sequence
   * ends once its prompt is computed.
   */
  readonly tokensMax: number;
  readonly sampling: SamplingParams;
  /** Ends the sequence when generated: the model's end tokens (unless they are to be ignored) and the caller's. */
  readonly stopTokenIds: ReadonlySet<number>;
  /** How many of the likeliest tokens to list beside each generated one; undefined: no log-probabilities at all. */
  readonly logprobsTop: number | undefined;
  /** Absent: {@link defaultTerms}. */
  readonly terms?: ServiceTerms;
  /** Tokens of `stopTokenIds` cannot come before so many tokens have, `generatedIds` included; absent: 0. */
  readonly tokensMin?: number;
  /** What is to be told of the prompt itself; absent: nothing. */
  readonly promptWish?: PromptWish;
  /**
   * Sequences of one group begin alike, as a rule with the same prompt: while one computes it, the others wait, and take
   * it from the prefix cache then. Without a prefix cache each goes its own way. Absent: it is alone.
   */
  readonly group?: string;
  /**
   * Says which tokens may come, of a sequence that is to follow a form; already behind `generatedIds`. The engine gives it
   * back with the sequence, and leaves it to the caller where it refuses that. Absent: any may.
   */
  readonly guide?: TokenGuide;
}

/** How the hidden states of a prompt become one vector: their mean, or that of the last token. */
export type Pooling = 'mean' | 'last';

/** What is to be told of a prompt, at least one of both. */
export interface PromptWish {
  /** How many of the likeliest tokens to list beside each token of the prompt; undefined: no log-probabilities. */
  readonly logprobsTop: number | undefined;
  /** Undefined: no embedding. */
  readonly pooling: Pooling | undefined;
}

export interface TokenLogprob {
  readonly tokenId: number;
  readonly logprob: number;
}

/** Of the model's own distribution, before temperature and penalties. */
export interface Logprobs extends TokenLogprob {
  /** Likeliest first. */
  readonly top: readonly TokenLogprob[];
}

/** Whether a sequence kept its objectives up to now. */
export interface Timeliness {
  readonly isTtftMet: boolean;
  readonly isTbtMet: boolean;
}

export type EngineFinishReason = 'stop' | 'length' | 'cancelled';

/** What a step did for one sequence. A sequence ends with exactly one `finished` or `failed`. */
export type SequenceEvent =
  | {
      /** Of the prompt, before the first token; in parts, as it is computed. */
      readonly kind: 'prompt';
      readonly id: string;
      /** Of the next of its tokens, in order; the first has no log-probability of its own, and 0 in its place. */
      readonly logprobs: readonly Logprobs[];
      /** Of length 1; with the last part, where one was asked for. */
      readonly embedding: Float32Array | undefined;
      /** As with tokens. */
      readonly cachedTokens: number;
    }
  | {
      readonly kind: 'token';
      readonly id: string;
      readonly tokenId: number;
      readonly logprobs: Logprobs | undefined;
      /** Of the prompt, found in the prefix cache; the same with every token. */
      readonly cachedTokens: number;
      /** Goes on changing with each token. */
      readonly timeliness: Timeliness;
    }
  | {
      readonly kind: 'finished';
      readonly id: string;
      readonly reason: EngineFinishReason;
      readonly completionTokens: number;
      /** Undefined: it ended before its first token. */
      readonly timeliness: Timeliness | undefined;
    }
  | { readonly kind: 'failed'; readonly id: string; readonly error: ServingError };
