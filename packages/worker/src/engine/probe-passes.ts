import type { Clock, Logger } from '@sluice/shared';
import { CostModel, workOf } from './cost-model.js';
import type { ModelPort } from './model-port.js';
import { PassRunner } from './pass-runner.js';
import { type MeasuredPass, probedCost } from './probed-cost.js';
import type { RememberedCost, RememberedCosts } from './remembered-cost.js';
import { chunkTokens } from './scheduler/policy.js';
import { type DecodeRow, type PrefillChunk, type StepPlan, wantBest } from './step-plan.js';

export interface ProbedPasses {
  /** What they cost, for an engine to begin with; undefined where none ended well. */
  readonly cost: RememberedCosts | undefined;
  /** How many were run. */
  readonly passes: number;
}

/** No pass is begun later, and none of a kind that is expected to take longer than is left. */
const PROBING_MS = 1_000;
const CHUNK_TOKENS = 64;
const ROWS = 16;
/** Beside a chunk. */
const MIXED_ROWS = 8;
/** The shortest counts: the first may have to warm up, and what disturbs a pass makes it longer. */
const PASSES_EACH = 3;
/** None is taken to be shorter. */
const PASS_MS_MIN = 0.01;

/**
 * Finds out what passes cost before anybody waits for them: in a second and at most one pass longer. All slots are free
 * before and after. A pass that fails ends it, with what those before it have told: it would have failed its sequences,
 * and not the worker.
 * @throws (rejects) BrokenAssertion or HungPass, after which the model cannot be used any more.
 */
export async function probePasses(model: ModelPort, clock: Clock, log: Logger): Promise<ProbedPasses> {
  const { limits } = model;
  const runner = new PassRunner(model, clock, log);
  const endMs = clock.nowMs() + PROBING_MS;
  let passes = 0;
  /** Milliseconds; undefined where there was no time for it, or it failed. */
  const measure = async (plan: StepPlan, expectedMs: number): Promise<number | undefined> => {
    let leastMs: number | undefined;
    for (let time = 0; time < PASSES_EACH; time++) {
      const startMs = clock.nowMs();
      const predictedMs = leastMs ?? expectedMs;
      // What the first of a kind took may be what it took to warm up, and says little of the second.
      if (passes > 0 && startMs + (leastMs === undefined ? expectedMs : 0) > endMs) break;
      passes += 1;
      const outcome = await runner.run(plan, { predictedMs, passesSeen: 0 });
      if (outcome.kind === 'broken') throw outcome.cause;
      if (outcome.kind === 'failed') return undefined;
      leastMs = Math.max(PASS_MS_MIN, Math.min(leastMs ?? Number.POSITIVE_INFINITY, clock.nowMs() - startMs));
    }
    return leastMs;
  };
  const measured: MeasuredPass[] = [];
  try {
    for (const plan of probesOf(model)) {
      const work = workOf(plan, limits);
      const ms = await measure(plan, new CostModel(1, costOf(measured)).predictMs(work));
      if (ms === undefined) break;
      measured.push({ work, ms });
    }
  } finally {
    runner.rest();
  }
  for (let slot = 0; slot < Math.min(ROWS, limits.slotsMax); slot++) model.release(slot, 0);
  const whole = costOf(measured);
  return { cost: whole === undefined ? undefined : { whole, apart: [] }, passes };
}

function costOf(measured: readonly MeasuredPass[]): RememberedCost | undefined {
  return measured.length === 0 ? undefined : probedCost(measured);
}

/**
 * The cheapest first, which at least says how fast the machine is. They have fewer rows and tokens where the model has not so
 * much room. Fills slots for those to come, when it is asked for the next.
 */
function* probesOf(model: ModelPort): Iterable<StepPlan> {
  const { slotsMax, contextTokens, stepTokensMax, chunkBlockTokens, vocabularyCount } = model.limits;
  const rows = Math.min(ROWS, slotsMax);
  const mixedRows = Math.min(MIXED_ROWS, slotsMax - 1);
  const most = Math.min(CHUNK_TOKENS, stepTokensMax - mixedRows, Math.floor(contextTokens / 2));
  const tokens = chunkTokens(most, most, chunkBlockTokens);
  const hasChunks = tokens >= 2;
  const context = hasChunks ? tokens : 0;

  const row = (slot: number, position: number, count: number): DecodeRow & PrefillChunk => ({
    slot,
    // Various ones: which weights a model reads may depend on them.
    tokenIds: Array.from({ length: count }, (_, index) => (101 * slot + 7 * index) % vocabularyCount),
    position,
    want: wantBest,
    wantTokens: 1,
  });
  const rowsAt = (position: number, count: number): DecodeRow[] =>
    Array.from({ length: count }, (_, slot) => row(slot, position, 1));

  yield { decodes: rowsAt(0, 1), chunks: [], resting: [] };
  if (hasChunks) yield { decodes: [], chunks: [row(0, 0, tokens)], resting: [] };
  for (let slot = 1; slot < rows && hasChunks; slot++) model.copy(0, slot, context);
  yield { decodes: rowsAt(context, rows), chunks: [], resting: [] };
  if (hasChunks && mixedRows > 0) {
    yield { decodes: rowsAt(context, mixedRows), chunks: [row(mixedRows, 0, tokens)], resting: [] };
  }
}
