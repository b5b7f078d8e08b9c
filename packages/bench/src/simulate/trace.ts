import { type Rng, seededRng } from '@sluice/shared';

/** Lengths of prompts and answers, each log-normal through a median and a 90th percentile, in tokens. */
export interface Trace {
  readonly name: string;
  readonly prompt: Length;
  readonly output: Length;
  /** Longest prompt and answer together. */
  readonly tokensMax: number;
}

interface Length {
  readonly median: number;
  readonly p90: number;
}

/** The two traces of Sarathi-Serve's evaluation, in Llama 2's tokens (Agrawal et al., OSDI 2024, table 2). */
export const traces: Readonly<Record<string, Trace>> = {
  sharegpt: {
    name: 'sharegpt',
    prompt: { median: 1730, p90: 5696 },
    output: { median: 415, p90: 834 },
    tokensMax: 8192,
  },
  arxiv: {
    name: 'arxiv',
    prompt: { median: 7059, p90: 12985 },
    output: { median: 208, p90: 371 },
    tokensMax: 16384,
  },
};

export interface Arrival {
  /** In units of the mean gap between arrivals: a rate makes seconds of it. */
  readonly at: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Its own objective between two tokens, in milliseconds; absent: that of the trial. */
  readonly tbtMs?: number;
}

/** Standard normal quantile of 0.9. */
const NORMAL_P90 = 1.2816;
/** So that who has which objective has nothing to do with how long it is. */
const OBJECTIVES_STREAM = 1;
/** As in that paper's harness. */
const GAP_MAX = 3;

/** Poisson arrivals with lengths of a trace scaled to the context, the same for every rate and every policy. */
export function drawArrivals(trace: Trace, contextTokens: number, count: number, seed: number): readonly Arrival[] {
  const rng = seededRng(seed);
  const scale = Math.min(1, contextTokens / trace.tokensMax);
  let at = 0;
  return Array.from({ length: count }, () => {
    at += Math.min(GAP_MAX, -Math.log(1 - rng.next()));
    const prompt = drawLength(rng, trace.prompt, scale);
    const output = drawLength(rng, trace.output, scale);
    // Too long for the context: both get shorter alike.
    const shrink = Math.min(1, (contextTokens - 1) / (prompt + output));
    return {
      at,
      promptTokens: Math.max(2, Math.floor(prompt * shrink)),
      outputTokens: Math.max(1, Math.floor(output * shrink)),
    };
  });
}

/** The same arrivals; each has one of the objectives, all alike often, by the seed. */
export function withObjectives(
  arrivals: readonly Arrival[],
  tbtMs: readonly number[],
  seed: number,
): readonly Arrival[] {
  const rng = seededRng(seed, OBJECTIVES_STREAM);
  return arrivals.map((arrival) => ({ ...arrival, tbtMs: tbtMs[rng.below(tbtMs.length)]! }));
}

function drawLength(rng: Rng, { median, p90 }: Length, scale: number): number {
  const sigma = Math.log(p90 / median) / NORMAL_P90;
  return median * scale * Math.exp(sigma * drawNormal(rng));
}

/** Box and Muller's. */
function drawNormal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
