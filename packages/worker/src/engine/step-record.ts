import type { LoadState } from '@sluice/shared';
import { CostModel, type StepCost, workOf } from './cost-model.js';
import type { PassForecast } from './pass-runner.js';
import { StepRates } from './rates.js';
import { RunningMedian } from './running-median.js';
import type { Decision, Policy, SequenceView } from './scheduler/policy.js';
import type { StepPlan } from './step-plan.js';

/** What a step was and took. */
export interface StepRecord {
  readonly decodes: number;
  readonly prefillTokens: number;
  /** The forward pass alone. */
  readonly passMs: number;
  /** What it was expected to take. */
  readonly predictedMs: number;
  /** From the end of the pass before it to its own start; undefined where the engine was idle in between. */
  readonly hostGapMs: number | undefined;
  readonly preempted: number;
}

/** When a pass ran. */
export interface PassTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** When the pass before it ended; undefined where the engine was idle in between. */
  readonly endBeforeMs: number | undefined;
}

/** Gaps between passes that are reported on. */
const HOST_GAPS_MAX = 200;

/** Measures steps, and tells those who learn from them. */
export class StepRecorder {
  readonly #cost = new CostModel();
  readonly #rates = new StepRates();
  readonly #hostGaps = new RunningMedian(HOST_GAPS_MAX);
  readonly #policy: Policy;
  readonly #onStep: (step: StepRecord) => void;

  constructor(policy: Policy, onStep: (step: StepRecord) => void) {
    this.#policy = policy;
    this.#onStep = onStep;
  }

  get cost(): StepCost {
    return this.#cost;
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

  forecast(plan: StepPlan): PassForecast {
    return { predictedMs: this.#cost.predictMs(workOf(plan)), passesSeen: this.#rates.current.steps };
  }

  /**
   * @param isDone false: the pass failed, and how long it took says nothing.
   * @param decision what the plan was made of, its sequences as they are after the step.
   * @param ended those of them that had their last token.
   */
  add(
    plan: StepPlan,
    decision: Decision<SequenceView>,
    ended: readonly SequenceView[],
    { startMs, endMs, endBeforeMs }: PassTimes,
    isDone: boolean,
  ): void {
    const work = workOf(plan);
    const passMs = endMs - startMs;
    const predictedMs = this.#cost.predictMs(work);
    if (isDone) this.#cost.observe(work, passMs);
    this.#rates.add(isDone ? work.decodes : 0, isDone ? work.prefillTokens : 0, passMs);
    this.#policy.observe({ decision, endMs, passMs, ended });
    const hostGapMs = endBeforeMs === undefined ? undefined : startMs - endBeforeMs;
    if (hostGapMs !== undefined) this.#hostGaps.add(hostGapMs);
    this.#onStep({
      decodes: work.decodes,
      prefillTokens: work.prefillTokens,
      passMs,
      predictedMs,
      hostGapMs,
      preempted: decision.preempted.length,
    });
  }
}
