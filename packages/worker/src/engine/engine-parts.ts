import type { Clock, Logger } from '@sluice/shared';
import type { StepListener } from './engine-port.js';
import type { ModelPort } from './model-port.js';
import type { PassLimits } from './pass-runner.js';
import type { RememberedCosts } from './remembered-cost.js';
import type { Policy } from './scheduler/policy.js';
import type { Objectives } from './sequence.js';
import type { SpeculationMode } from './speculation/speculation.js';
import type { StepRecord } from './step-record.js';

export interface EngineOptions {
  /** Tokens of one step. At least the model's slots and `PREFILL_TOKENS_MIN`, so that prefill never starves. */
  readonly tokenBudget: number;
  /** Tokens that all slots together may hold, cached prompts included. */
  readonly kvTokensMax: number;
  /** Whether the prompts of sequences that are gone are kept for others that begin alike; absent: true. */
  readonly prefixCache?: boolean;
  /** What preempted sequences may leave behind in copies, beside the slots' memory; absent: nothing. */
  readonly swapBytesMax?: number;
  /** Sequences that may wait; one more is refused. */
  readonly waitingMax: number;
  /** Whether tokens are guessed and checked several at a time; absent: they are not. */
  readonly speculation?: SpeculationMode;
  /** Of sequences that bring none; absent: `defaultObjectives`. */
  readonly objectives?: Objectives;
  /** When a pass is cut off; absent: `defaultPassLimits`. */
  readonly passLimits?: PassLimits;
}

export interface EngineParts {
  readonly model: ModelPort;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listener: StepListener;
  /** What passes cost, as another start or probes have learnt it; absent: that begins with a guess. */
  readonly rememberedCost?: RememberedCosts;
  /** Called after each step, for metrics and benches. */
  readonly onStep?: (step: StepRecord) => void;
  /**
   * The loop cannot go on: an assertion is broken, or a pass hangs and cannot be stopped (`HungPass`). Every sequence has
   * failed and nothing is taken any more; whoever owns the process ends it. Absent: an unhandled rejection ends it.
   */
  readonly onFatal?: (cause: unknown) => void;
}
