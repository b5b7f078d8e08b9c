import { greedySampling, type SequenceRequest } from '@sluice/worker';

/** In front of every row that decodes. */
export const CONTEXT_TOKENS = 256;

/** One shape of a forward pass. */
export interface PassCase {
  readonly subject: string;
  /** Rows that decode, each behind 256 tokens of context. */
  readonly decodes: number;
  /** Tokens of each prompt chunk, at the beginning of its prompt. */
  readonly chunks: readonly number[];
  /** Chooses tokens with a temperature instead of the likeliest. */
  readonly sampled?: boolean;
  /**
   * What a first sketch of this graph took on 2 cores of a Zen 4 machine (AVX-512 with VNNI), milliseconds; measured
   * with one more token in a prompt lane where there is no chunk. Only a ratio taken on such a machine says anything.
   */
  readonly sketchMs?: number;
}

export const passes: readonly PassCase[] = [
  { subject: 'decode 1', decodes: 1, chunks: [], sketchMs: 8 },
  { subject: 'decode 8', decodes: 8, chunks: [], sketchMs: 19 },
  { subject: 'decode 16', decodes: 16, chunks: [], sketchMs: 34 },
  { subject: 'decode 32', decodes: 32, chunks: [], sketchMs: 57 },
  { subject: 'decode 64', decodes: 64, chunks: [], sketchMs: 107 },
  { subject: 'decode 16, sampled', decodes: 16, chunks: [], sampled: true },
  { subject: 'prompt 64', decodes: 0, chunks: [64] },
  { subject: 'prompt 128', decodes: 0, chunks: [128], sketchMs: 123 },
  { subject: 'prompt 512', decodes: 0, chunks: [512] },
  { subject: 'prompts 64 + 64', decodes: 0, chunks: [64, 64] },
  { subject: 'decode 16, prompt 128', decodes: 16, chunks: [128], sketchMs: 145 },
];

/** So many requests at once through the batch loop. */
export interface BatchCase {
  readonly subject: string;
  readonly sequences: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** How their tokens are chosen, behind prompts of text; absent: greedily, behind random tokens. */
  readonly choice?: TokenChoice;
}

export type TokenChoice = Pick<SequenceRequest, 'sampling' | 'logprobsTop'>;

export function batchRuns(quick: boolean): readonly BatchCase[] {
  const counts = quick ? [1, 16] : [1, 4, 16, 64];
  return counts.map((sequences) => ({
    subject: `${sequences} × (256 + 64)`,
    sequences,
    promptTokens: 256,
    outputTokens: 64,
  }));
}

const sampled = { ...greedySampling, temperature: 0.8, topP: 0.95 };
const penalized = { ...sampled, repetitionPenalty: 1.1, presencePenalty: 0.5, frequencyPenalty: 0.5 };

const choices: Readonly<Record<string, TokenChoice>> = {
  greedy: { sampling: greedySampling, logprobsTop: undefined },
  'temperature 0.8, top_p 0.95': { sampling: sampled, logprobsTop: undefined },
  'the same with penalties': { sampling: penalized, logprobsTop: undefined },
  'greedy, 5 logprobs': { sampling: greedySampling, logprobsTop: 5 },
};

/** What ways of choosing tokens cost between passes. */
export function choiceRuns(quick: boolean): readonly BatchCase[] {
  return (quick ? [16] : [16, 64]).flatMap((sequences) =>
    Object.entries(choices).map(([name, choice]) => ({
      subject: `${sequences} × text, ${name}`,
      sequences,
      promptTokens: 128,
      outputTokens: 48,
      choice,
    })),
  );
}

/** Requests of all lengths, some at a time, from whose steps the cost model learns. */
export interface MixedLoad {
  readonly requests: number;
  readonly atOnce: number;
  /** Lengths are drawn evenly, from first to last. */
  readonly promptTokens: readonly [number, number];
  readonly outputTokens: readonly [number, number];
}

export function mixedLoad(quick: boolean): MixedLoad {
  return { requests: quick ? 48 : 160, atOnce: 16, promptTokens: [16, 400], outputTokens: [8, 72] };
}

/** Slots and step size that all cases fit. */
export const benchSizes = { slots: 64, contextTokens: 640, stepTokensMax: 640, tokenBudget: 128 } as const;
