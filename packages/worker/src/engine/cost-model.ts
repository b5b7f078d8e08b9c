import type { ModelLimits } from './model-port.js';
import { NormalEquations } from './normal-equations.js';
import type { RememberedCost } from './remembered-cost.js';
import { RunningMedian } from './running-median.js';
import type { StepPlan } from './step-plan.js';

/** What a step computes, as far as its time depends on it. */
export interface StepWork {
  /** Tokens of decode rows, drafts included, and a small part of one for each row that {@link withIdleRows} counts. */
  readonly decodes: number;
  /** Tokens that all decode rows together attend to. */
  readonly decodeContext: number;
  /** Tokens of all chunks. */
  readonly prefillTokens: number;
  /** Pairs of a chunk's token and a token it attends to, of all chunks. */
  readonly prefillPairs: number;
  readonly chunks: number;
  /** Weight of the heaviest chunk ({@link chunkWeight}): who computes chunks side by side waits for it. */
  readonly heaviestChunk: number;
}

/** What policies may know of the time that steps take. */
export interface StepCost {
  /** Milliseconds of a forward pass; grows with every part of the work. */
  predictMs(work: StepWork): number;
  /** All but one in fifty passes with decodes and chunks take at most so many times what was predicted; above 1. */
  readonly marginRatio: number;
}

export const noWork: StepWork = {
  decodes: 0,
  decodeContext: 0,
  prefillTokens: 0,
  prefillPairs: 0,
  chunks: 0,
  heaviestChunk: 0,
};

/** @param contextTokens tokens in the slot before the row. */
export function withDecode(work: StepWork, contextTokens: number): StepWork {
  const { decodes, decodeContext, prefillTokens, prefillPairs, chunks, heaviestChunk } = work;
  // Field by field: a spread copy takes ten times as long, and this is asked for every row of every step.
  return {
    decodes: decodes + 1,
    decodeContext: decodeContext + contextTokens + 1,
    prefillTokens,
    prefillPairs,
    chunks,
    heaviestChunk,
  };
}

/** A row of a later decode lane that has no token, over that of one: 5 µs a layer to 90 for the default model. */
const IDLE_ROW = 0.06;

type DecodeLimits = Pick<ModelLimits, 'decodesSpanSlots'>;

/** With rows that stand idle beside drafts of others, where the model has such. */
export function withIdleRows(work: StepWork, rows: number, { decodesSpanSlots = true }: DecodeLimits): StepWork {
  if (!decodesSpanSlots) return work;
  const { decodes, decodeContext, prefillTokens, prefillPairs, chunks, heaviestChunk } = work;
  return { decodes: decodes + IDLE_ROW * rows, decodeContext, prefillTokens, prefillPairs, chunks, heaviestChunk };
}

/** @param contextTokens tokens in the slot before the chunk. */
export function withChunk(work: StepWork, contextTokens: number, tokens: number): StepWork {
  const { decodes, decodeContext, prefillTokens, prefillPairs, chunks, heaviestChunk } = work;
  const pairs = tokens * (contextTokens + (tokens + 1) / 2);
  return {
    decodes,
    decodeContext,
    prefillTokens: prefillTokens + tokens,
    prefillPairs: prefillPairs + pairs,
    chunks: chunks + 1,
    heaviestChunk: Math.max(heaviestChunk, chunkWeight(tokens, pairs)),
  };
}

/** What a chunk takes, roughly, in tokens without context: a thousand pairs are as much as one. */
function chunkWeight(tokens: number, pairs: number): number {
  return tokens + pairs / 1_000;
}

/** @param limits of the model that runs it. */
export function workOf({ decodes, chunks }: StepPlan, limits: DecodeLimits): StepWork {
  let rows = 0;
  let longest = 0;
  let decodeContext = 0;
  for (const { position, tokenIds } of decodes) {
    rows += tokenIds.length;
    longest = Math.max(longest, tokenIds.length);
    for (let token = 1; token <= tokenIds.length; token++) decodeContext += position + token;
  }
  const decoded = { ...noWork, decodes: rows, decodeContext };
  const decoding = withIdleRows(decoded, decodes.length * longest - rows, limits);
  return chunks.reduce((work, { position, tokenIds }) => withChunk(work, position, tokenIds.length), decoding);
}

/**
 * What chunks save side by side, of what a token takes, as long as nobody knows better: much, so that it is tried. It is as
 * sure as a small part of a step that shows it, so it counts again when none was seen for some hundreds of steps.
 */
const SHARED_GUESS = 0.8;
const SHARED_GUESS_WEIGHT = 0.01;
/** Milliseconds of a token of a chunk before anything was measured. */
const TOKEN_GUESS = 0.33;
/**
 * Milliseconds before anything was measured, in the units of {@link featuresOf}: the geometric mean of what the default
 * model's passes take on two cores with own kernels in tiles (7 and 0.13 a token), without tiles (5 and 0.34) and with
 * the runtime's (8 and 0.8). Only their proportions matter for longer than a few steps.
 */
const PRIOR = [6.5, 0.42, 1.1, TOKEN_GUESS, 0.5, 0.3, SHARED_GUESS * TOKEN_GUESS];
/** What it counts for beside a step, which has weight 1; forgotten like one. */
const PRIOR_WEIGHT = 0.01;
const PREFILL_TOKENS = 3;
const SHARED_TOKENS = 6;

/** A step counts so much less for each step after it: half after 70. */
const FORGETTING = 0.99;
/** Share of a step's surprise by which the machine is taken to have changed its speed: half after 5 steps. */
const SPEED_GAIN = 0.13;
/** How fast the usual surprise is learnt. */
const SPREAD_GAIN = 0.1;
/** A surprise of more than so many usual ones, and of more than so much, is cut to that. */
const OUTLIER_SPREADS = 3;
const OUTLIER_LEAST = 0.1;
/** What one step can add to the usual surprise, as a logarithm: a factor of 4.5. */
const SURPRISE_MAX = 1.5;
/** The margin before anything was measured (Niyama's figure), its bounds, and how fast it follows. */
const MARGIN = 1.2;
const MARGIN_MIN = 1.05;
const MARGIN_MAX = 1.6;
const MARGIN_GAIN = 0.05;
/** Share of mixed passes that may take longer than the margin allows for. */
const MARGIN_MISSES = 0.02;
/** No pass is shorter. */
const PASS_MS_MIN = 1e-3;
const SWEEPS = 3;
/** Below it a coefficient's part in the steps of late is as good as forgotten, and dividing by it would lose digits. */
const CURVATURE_MIN = 1e-9;
/** Steps over which the error is reported. */
const ERRORS_MAX = 200;
/**
 * What was learnt before the start counts so much less than if it had been since: at most for 20 steps, and half of that
 * is forgotten after 70. And surprises of the first steps are believed as if so large ones were usual.
 */
const REMEMBERED_RATIO = 0.2;
const REMEMBERED_SPREAD = 0.3;

/**
 * How long a step takes, learnt from the steps themselves:
 *
 *   ms = slowness × (base + a·decodes + b·decodeContext + c·prefillTokens + d·prefillPairs + e·chunks − f·sharedTokens)
 *
 * `sharedTokens` is above zero where a model may compute chunks side by side and they end about together; f is at most c,
 * so that more work hardly ever takes less time. The coefficients come from least squares on relative errors with
 * forgetting, none below zero, kept as normal equations and improved by a few sweeps of coordinate descent a step; what
 * steps of late say nothing about stays as it was. `slowness` follows a machine that becomes faster or slower as a whole
 * within a few steps, also for the kind of step that was not seen since. What is far off the usual error is cut (as in
 * Huber's estimator); when everything is far off, that becomes the usual. How far passes with decodes and chunks exceed
 * what was predicted is learnt beside it, as a quantile.
 */
export class CostModel implements StepCost {
  readonly #coefficients = Float64Array.from(PRIOR);
  #slowness = 1;
  #marginRatio = MARGIN;
  /** Usual size of |ln(actual / predicted)|, of steps with chunks and of decodes alone: rare ones are learnt as soon. */
  readonly #spread = { chunks: 1, decodes: 1 };
  readonly #equations = new NormalEquations(PRIOR, PRIOR_WEIGHT, FORGETTING);
  /** |actual − predicted| / actual of the last steps. */
  readonly #errors = new RunningMedian(ERRORS_MAX);
  readonly #abreast: number;

  /**
   * @param abreast chunks that may be computed side by side, at least 1.
   * @param remembered what another one has learnt with this model on this kind of machine.
   */
  constructor(abreast = 1, remembered?: RememberedCost) {
    this.#abreast = abreast;
    if (remembered !== undefined) this.#beginWith(remembered);
  }

  predictMs(work: StepWork): number {
    return this.#slowness * this.#standardMs(work);
  }

  get marginRatio(): number {
    return this.#marginRatio;
  }

  /** Learns from a step that was run. */
  observe(work: StepWork, passMs: number): void {
    const actualMs = Math.max(PASS_MS_MIN, passMs);
    const features = featuresOf(work, this.#abreast);
    const standardMs = Math.max(PASS_MS_MIN, this.#standardMs(work));
    const ratio = actualMs / (this.#slowness * standardMs);
    this.#errors.add(Math.abs(1 - 1 / ratio));

    if (work.decodes > 0 && work.chunks > 0) this.#adjustMargin(ratio);

    const kind = work.chunks > 0 ? 'chunks' : 'decodes';
    const limit = 1 + Math.max(OUTLIER_LEAST, OUTLIER_SPREADS * this.#spread[kind]);
    const believed = Math.min(limit, Math.max(1 / limit, ratio));
    this.#spread[kind] += SPREAD_GAIN * (Math.min(SURPRISE_MAX, Math.abs(Math.log(ratio))) - this.#spread[kind]);
    this.#slowness *= believed ** SPEED_GAIN;

    // What took far longer than predicted says little where it was disturbed, and would say too much where next to
    // nothing was predicted.
    const scaleMs = Math.max(standardMs, actualMs / this.#slowness);
    this.#equations.add(features, believed * standardMs, 1 / scaleMs ** 2);
    for (let sweep = 0; sweep < SWEEPS; sweep++) this.#improve();
  }

  /** Median of |actual − predicted| / actual over the last 200 steps; 0 before the first. */
  get errorRatio(): number {
    return this.#errors.value;
  }

  /** What it has learnt so far, for the next start. */
  get remembered(): RememberedCost {
    return {
      coefficients: Array.from(this.#coefficients, (coefficient) => this.#slowness * coefficient),
      certainties: PRIOR.map((_, i) => this.#equations.curvature(i) / this.#slowness ** 2),
      spread: { ...this.#spread },
      marginRatio: this.#marginRatio,
    };
  }

  #beginWith({ coefficients, certainties, spread, marginRatio }: RememberedCost): void {
    this.#coefficients.set(coefficients);
    this.#coefficients[SHARED_TOKENS] = Math.min(coefficients[PREFILL_TOKENS]!, coefficients[SHARED_TOKENS]!);
    this.#equations.begin(
      coefficients,
      certainties.map((certainty) => REMEMBERED_RATIO * certainty),
    );
    for (const kind of ['chunks', 'decodes'] as const) this.#spread[kind] = Math.max(REMEMBERED_SPREAD, spread[kind]);
    // One that is too wide is taken back slowly, one that is too narrow widened within a few misses.
    this.#marginRatio = Math.max(MARGIN_MIN, Math.min(MARGIN, marginRatio));
  }

  /** Follows a quantile: a miss widens it by as much as all the hits that go with it take back. */
  #adjustMargin(ratio: number): void {
    const change = ratio > this.#marginRatio ? MARGIN_GAIN * (1 - MARGIN_MISSES) : -MARGIN_GAIN * MARGIN_MISSES;
    this.#marginRatio = Math.min(MARGIN_MAX, Math.max(MARGIN_MIN, this.#marginRatio + change));
  }

  /** What the work takes at slowness 1: {@link featuresOf} times the coefficients, without an array; it is asked often. */
  #standardMs(work: StepWork): number {
    const { decodes, decodeContext, prefillTokens, prefillPairs, chunks } = work;
    const c = this.#coefficients;
    const decoding = c[1]! * decodes + (c[2]! * decodeContext) / 1_000;
    const prefilling = c[3]! * prefillTokens + (c[4]! * prefillPairs) / 1_000 + c[5]! * chunks;
    return c[0]! + decoding + prefilling - c[6]! * sharedTokens(work, this.#abreast);
  }

  /** Moves each coefficient to its best value inside its bounds, the others as they are. */
  #improve(): void {
    const c = this.#coefficients;
    for (let i = 0; i < SHARED_TOKENS; i++) {
      const curvature = this.#equations.curvature(i);
      if (curvature >= CURVATURE_MIN) c[i] = Math.max(0, c[i]! + this.#equations.slope(i, c) / curvature);
    }
    const tokenMs = c[PREFILL_TOKENS]!;
    const guessCurvature = SHARED_GUESS_WEIGHT / Math.max(PASS_MS_MIN, tokenMs) ** 2;
    const guessSlope = guessCurvature * (SHARED_GUESS * tokenMs - c[SHARED_TOKENS]!);
    const curvature = this.#equations.curvature(SHARED_TOKENS) + guessCurvature;
    const better = c[SHARED_TOKENS]! + (this.#equations.slope(SHARED_TOKENS, c) + guessSlope) / curvature;
    c[SHARED_TOKENS] = Math.min(tokenMs, Math.max(0, better));
  }
}

/** [features]; tokens of context and pairs by the thousand. */
function featuresOf(work: StepWork, abreast: number): Float64Array {
  const { decodes, decodeContext, prefillTokens, prefillPairs, chunks } = work;
  const shared = sharedTokens(work, abreast);
  return Float64Array.of(1, decodes, decodeContext / 1_000, prefillTokens, prefillPairs / 1_000, chunks, -shared);
}

/**
 * Of a step whose chunks may be computed side by side, the tokens that could be saved at most: a share of all, which is
 * largest where there are `abreast` chunks of the same weight, and 0 for a lone one.
 */
export function sharedTokens(
  { prefillTokens, prefillPairs, chunks, heaviestChunk }: StepWork,
  abreast: number,
): number {
  if (chunks < 2 || abreast < 2 || chunks > abreast) return 0;
  const heaviestShare = heaviestChunk / chunkWeight(prefillTokens, prefillPairs);
  return prefillTokens * Math.max(0, 1 - sharedRatioMin(abreast) * abreast * heaviestShare);
}

/**
 * As many chunks as can be computed side by side, which end together, take at least so much of their time one after the
 * other: 0.65 for two, and less for more, because more threads wait for each other in a chunk alone. Where the heaviest has
 * a larger share it keeps the others waiting, and soon they save nothing.
 */
function sharedRatioMin(abreast: number): number {
  return 0.3 + 0.7 / abreast;
}
