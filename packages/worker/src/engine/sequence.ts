import type { ServingError } from '@sluice/shared';

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
  /** Most tokens to generate, `generatedIds` included, at least 1; the engine lowers it to what the context leaves. */
  readonly tokensMax: number;
  readonly sampling: SamplingParams;
  /** Ends the sequence when generated: the model's end tokens (unless they are to be ignored) and the caller's. */
  readonly stopTokenIds: ReadonlySet<number>;
  /** How many of the likeliest tokens to list beside each generated one; undefined: no log-probabilities at all. */
  readonly logprobsTop: number | undefined;
  /** Absent: {@link defaultTerms}. */
  readonly terms?: ServiceTerms;
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
