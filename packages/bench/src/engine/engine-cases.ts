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
}

export function batchRuns(quick: boolean): readonly BatchCase[] {
  const counts = quick ? [1, 16] : [1, 4, 16, 64];
  return counts.map((sequences) => ({
    subject: `${sequences} × (256 + 64)`,
    sequences,
    promptTokens: 256,
    outputTokens: 64,
  }));
}

/** Slots and step size that all cases fit. */
export const benchSizes = { slots: 64, contextTokens: 640, stepTokensMax: 640, tokenBudget: 128 } as const;
