import type { LoadState } from '@sluice/shared';
import { CostModel, type StepCost, workOf } from './cost-model.js';
import type { ModelLimits } from './model-port.js';
import type { PassForecast } from './pass-runner.js';
import type { PassUnderWay } from './passes-under-way.js';
import { StepRates } from './rates.js';
import type { RememberedCosts } from './remembered-cost.js';
import { RunningMedian } from './running-median.js';
import type { Policy, SequenceView } from './scheduler/policy.js';
import type { StepPlan } from './step-plan.js';

/** What a step was and took. */
export interface StepRecord {
  /** Sequences that decoded. */
  readonly decodes: number;
  /** Tokens that they put into their slots; more than `decodes` where drafts were right or known tokens put back. */
  readonly decodedTokens: number;
  /** Tokens that were guessed. */
  readonly draftTokens: number;
  readonly prefillTokens: number;
  /** The forward pass alone. */
  readonly passMs: number;
  /** What it was expected to take. */
  readonly predictedMs: number;
  /** From the end of the pass before it to its own start; undefined where the engine was idle in between, or never. */
  readonly hostGapMs: number | undefined;
  readonly preempted: number;
}

/** Gaps between passes that are reported on. */
const HOST_GAPS_MAX = 200;

/** Measures steps, and tells those who learn from them. */
export class StepRecorder {
  /** Of passes on all executors. */
  readonly #cost: CostModel;
  /** Of those on some of them, by how many. */
  readonly #costApart = new Map<number, CostModel>();
  /** Passes that each of them has seen. */
  readonly #passesOn = new Map<number | undefined, number>();
  readonly #rates = new StepRates();
  readonly #hostGaps = new RunningMedian(HOST_GAPS_MAX);
  readonly #limits: Pick<ModelLimits, 'decodesSpanSlots'>;
  readonly #policy: Policy;
  readonly #onStep: (step: StepRecord) => void;

  /**
   * @param limits of the model.
   * @param remembered what was learnt before.
   */
  constructor(
    policy: Policy,
    limits: Pick<ModelLimits, 'chunksAbreast' | 'decodesSpanSlots'>,
    onStep: (step: StepRecord) => void,
    remembered: RememberedCosts | undefined,
  ) {
    this.#limits = limits;
    this.#cost = new CostModel(limits.chunksAbreast ?? 1, remembered?.whole);
    for (const { executors, cost } of remembered?.apart ?? []) {
      this.#costApart.set(executors, new CostModel(executors, cost));
    }
    this.#policy = policy;
    this.#onStep = onStep;
  }

  /** Of passes on so many executors; undefined: all. */
  costOn(executors: number | undefined): StepCost {
    return this.#modelOn(executors);
  }

  get rememberedCost(): RememberedCosts {
    return {
      whole: this.#cost.remembered,
      apart: Array.from(this.#costApart, ([executors, cost]) => ({ executors, cost: cost.remembered })),
    };
  }

  get rates(): Pick<
    LoadState,
    | 'prefillTokensPerSecond'
    | 'decodeTokensPerSecond'
    | 'stepMs'
    | 'steps'
    | 'stepErrorRatio'
    | 'hostGapP50Ms'
    | 'hostGapP99Ms'
  > {
    return {
      ...this.#rates.current,
      stepErrorRatio: this.#cost.errorRatio,
      hostGapP50Ms: this.#hostGaps.value,
      hostGapP99Ms: this.#hostGaps.quantile(0.99),
    };
  }

  forecast(plan: StepPlan, executors: number | undefined): PassForecast {
    return {
      predictedMs: this.costOn(executors).predictMs(workOf(plan, this.#limits)),
      passesSeen: this.#passesOn.get(executors) ?? 0,
    };
  }

  /**
   * @param pass with the sequences of its decision as they are after the step.
   * @param ended those of them that had their last token.
   * @param isDone false: the pass failed, and how long it took says nothing.
   * @param wrongTokens drafts that were not kept.
   */
  add(
    { plan, decision, executors, startMs, endBeforeMs }: PassUnderWay,
    endMs: number,
    ended: readonly SequenceView[],
    isDone: boolean,
    wrongTokens: number,
  ): void {
    const work = workOf(plan, this.#limits);
    const passMs = endMs - startMs;
    const cost = this.#modelOn(executors);
    const predictedMs = cost.predictMs(work);
    if (isDone) {
      cost.observe(work, passMs);
      this.#passesOn.set(executors, (this.#passesOn.get(executors) ?? 0) + 1);
    }
    const { rows, drafts } = decodeTokensOf(plan);
    const decodedTokens = rows - wrongTokens;
    this.#rates.add(isDone ? decodedTokens : 0, isDone ? work.prefillTokens : 0, startMs, endMs);
    this.#policy.observe({ decision, endMs, passMs, ended });
    const hostGapMs = endBeforeMs === undefined ? undefined : startMs - endBeforeMs;
    if (hostGapMs !== undefined) this.#hostGaps.add(hostGapMs);
    this.#onStep({
      decodes: plan.decodes.length,
      decodedTokens,
      draftTokens: drafts,
      prefillTokens: work.prefillTokens,
      passMs,
      predictedMs,
      hostGapMs,
      preempted: decision.preempted.length,
    });
  }

  #modelOn(executors: number | undefined): CostModel {
    if (executors === undefined) return this.#cost;
    let cost = this.#costApart.get(executors);
    if (cost === undefined) {
      cost = new CostModel(executors);
      this.#costApart.set(executors, cost);
    }
    return cost;
  }
}

/** Tokens of all decode rows, and those of them that are guesses. */
function decodeTokensOf({ decodes }: StepPlan): { rows: number; drafts: number } {
  let rows = 0;
  let drafts = 0;
  for (const { tokenIds, wantTokens } of decodes) {
    rows += tokenIds.length;
    drafts += Math.max(0, wantTokens - 1);
  }
  return { rows, drafts };
}
