import type { Clock, Logger } from '@sluice/shared';
import { CostModel, type StepWork, workOf } from './cost-model.js';
import type { ModelLimits, ModelPort } from './model-port.js';
import { PassRunner } from './pass-runner.js';
import { probedCost } from './probed-cost.js';
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
/** All kinds so often. The shortest pass of a kind counts: the first warms up, and what disturbs a pass makes it longer. */
const ROUNDS = 3;
/** None is taken to be shorter. */
const PASS_MS_MIN = 0.01;

interface Kind {
  readonly plan: StepPlan;
  readonly work: StepWork;
  /** Undefined before the first. */
  leastMs: number | undefined;
}

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
  const kinds = plansFor(limits).map((plan): Kind => ({ plan, work: workOf(plan, limits), leastMs: undefined }));
  let passes = 0;
  let slotsFilled = 1;
  let hasFailed = false;
  /** False where there is no time for it, or one has failed. */
  const run = async (kind: Kind): Promise<boolean> => {
    const { plan, work, leastMs = Number.POSITIVE_INFINITY } = kind;
    const predictedMs = kind.leastMs ?? new CostModel(1, costOf(kinds)).predictMs(work);
    const startLatestMs = kind.leastMs === undefined ? endMs - predictedMs : endMs;
    if (hasFailed || (passes > 0 && clock.nowMs() > startLatestMs)) return false;
    // With what a chunk has left in slot 0.
    for (; slotsFilled < plan.decodes.length; slotsFilled++) {
      const { slot, position } = plan.decodes[slotsFilled]!;
      if (position > 0) model.copy(0, slot, position);
    }
    passes += 1;
    const startMs = clock.nowMs();
    const outcome = await runner.run(plan, { predictedMs, passesSeen: 0 });
    if (outcome.kind === 'broken') throw outcome.cause;
    hasFailed = outcome.kind === 'failed';
    if (hasFailed) return false;
    kind.leastMs = Math.max(PASS_MS_MIN, Math.min(leastMs, clock.nowMs() - startMs));
    return true;
  };
  try {
    // Once more, so that what is expected of the others is not what the very first takes.
    await run(kinds[0]!);
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of kinds) if (!(await run(kind))) break;
    }
  } finally {
    runner.rest();
  }
  for (let slot = 0; slot < Math.min(ROWS, limits.slotsMax); slot++) model.release(slot, 0);
  const whole = costOf(kinds);
  return { cost: whole === undefined ? undefined : { whole, apart: [] }, passes };
}

/** Undefined before the first pass. */
function costOf(kinds: readonly Kind[]): RememberedCost | undefined {
  const measured = kinds.flatMap(({ work, leastMs }) => (leastMs === undefined ? [] : [{ work, ms: leastMs }]));
  return measured.length === 0 ? undefined : probedCost(measured);
}

/**
 * The cheapest first, which at least says how fast the machine is; smaller ones where the model has not so much room. The rows
 * of later ones are behind what the chunk before them leaves in slot 0.
 */
function plansFor(limits: ModelLimits): readonly StepPlan[] {
  const { slotsMax, contextTokens, stepTokensMax, chunkBlockTokens, vocabularyCount } = limits;
  const rows = Math.min(ROWS, slotsMax);
  const mixedRows = Math.min(MIXED_ROWS, slotsMax - 1);
  const most = Math.min(CHUNK_TOKENS, stepTokensMax - mixedRows, Math.floor(contextTokens / 2));
  const tokens = chunkTokens(most, most, chunkBlockTokens);

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

  const alone = { decodes: rowsAt(0, 1), chunks: [], resting: [] };
  if (tokens < 2) return [alone, { decodes: rowsAt(0, rows), chunks: [], resting: [] }];
  return [
    alone,
    { decodes: [], chunks: [row(0, 0, tokens)], resting: [] },
    { decodes: rowsAt(tokens, rows), chunks: [], resting: [] },
    { decodes: rowsAt(tokens, mixedRows), chunks: [row(mixedRows, 0, tokens)], resting: [] },
  ];
}
