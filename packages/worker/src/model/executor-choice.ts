import { CostModel, type StepWork, workOf } from '../engine/cost-model.js';
import type { ModelLimits } from '../engine/model-port.js';
import { isRememberedCost, type RememberedCost } from '../engine/remembered-cost.js';
import type { StepPlan } from '../engine/step-plan.js';
import { type PlanPart, splitPlan, wholePart } from './split-plan.js';

/** Passes of a kind, those with chunks and those of decodes alone, that are run both ways, in turns, before predictions decide. */
const TRIALS = 16;
/** So many of them are run again after a start, in case the machine is another one now. */
const TRIALS_AGAIN = 4;
/** Only passes are tried whose heaviest part has at most so many times its share: the others would take long in parts. */
const TRIAL_SHARE = 1.5;
/** One in so many passes is run the other way, where that is not predicted to take much longer, to see whether it still does. */
const PROBE_EVERY = 64;
/** How much longer. */
const PROBE_RATIO = 1.5;

export const executorModes = ['auto', 'wide', 'narrow'] as const;
/** One wide executor, narrow ones wherever a pass can be shared out, or what is found to be quicker. */
export type ExecutorMode = (typeof executorModes)[number];

/** What an {@link ExecutorChoice} has learnt, for the one of the next start to begin with. */
export interface RememberedChoice {
  readonly wide: RememberedCost;
  readonly narrow: RememberedCost;
  /** Passes of each kind that were tried. */
  readonly trials: { readonly chunks: number; readonly decodes: number };
}

/** How a pass is run: undefined as a whole, by the wide executor; else in parts, side by side. */
export type PassParts = readonly PlanPart[] | undefined;

/**
 * Chooses for each pass between one wide executor and several narrow ones side by side, by what passes of both kinds have
 * taken. Threads of a wide one wait for each other behind every operator; narrow ones wait once a pass, but can only share
 * what can be shared out. What is computed is the same to the bit.
 */
export class ExecutorChoice {
  readonly #mode: ExecutorMode;
  readonly #narrowCount: number;
  readonly #narrowChunksMax: number;
  readonly #limits: Pick<ModelLimits, 'decodesSpanSlots'>;
  readonly #wide: CostModel;
  readonly #narrow: CostModel;
  /** Passes that could be run either way, by the kinds of {@link TRIALS}. */
  readonly #passes = { chunks: 0, decodes: 0 };

  /**
   * @param narrowCount narrow executors; below 2 every pass is wide.
   * @param remembered what another one has learnt with this model, mode and number on this kind of machine.
   * @param narrowChunksMax chunks that a narrow executor may have in a pass.
   * @param limits of the model.
   */
  constructor(
    mode: ExecutorMode,
    narrowCount: number,
    remembered?: RememberedChoice,
    narrowChunksMax = 1,
    limits: Pick<ModelLimits, 'decodesSpanSlots'> = {},
  ) {
    this.#mode = mode;
    this.#narrowCount = narrowCount;
    this.#narrowChunksMax = narrowChunksMax;
    this.#limits = limits;
    this.#wide = new CostModel(1, remembered?.wide);
    this.#narrow = new CostModel(1, remembered?.narrow);
    for (const kind of ['chunks', 'decodes'] as const) {
      this.#passes[kind] = Math.max(0, Math.min(TRIALS, remembered?.trials[kind] ?? 0) - TRIALS_AGAIN);
    }
  }

  /** @param canBeWhole false: the wide executor has no graph for a plan of so many chunks, and it is run in parts. */
  choose(plan: StepPlan, canBeWhole = true): PassParts {
    if (this.#narrowCount < 2 || this.#mode === 'wide') return undefined;
    const parts = splitPlan(plan, this.#narrowCount, (work) => this.#narrow.predictMs(work), this.#narrowChunksMax);
    if (parts === undefined || this.#mode === 'narrow' || !canBeWhole) return parts;
    const kind = plan.chunks.length > 0 ? 'chunks' : 'decodes';
    const wideMs = this.#wide.predictMs(workOf(plan, this.#limits));
    if (this.#passes[kind] < TRIALS) {
      const heaviestMs = longest(parts, this.#wide);
      if (heaviestMs * this.#narrowCount > TRIAL_SHARE * wideMs) return undefined;
      this.#passes[kind] += 1;
      // In turns, and the second of each pair the other way, so that neither always follows the same kind of pass.
      return this.#passes[kind] % 4 < 2 ? parts : undefined;
    }
    this.#passes[kind] += 1;
    const narrowMs = longest(parts, this.#narrow);
    const isClose = Math.max(wideMs, narrowMs) < PROBE_RATIO * Math.min(wideMs, narrowMs);
    const isProbe = isClose && this.#passes[kind] % PROBE_EVERY === 0;
    return narrowMs < wideMs !== isProbe ? parts : undefined;
  }

  /** A pass beside others, on so many narrow executors. */
  share(plan: StepPlan, executors: number): readonly PlanPart[] {
    return splitPlan(plan, executors, (work) => this.#narrow.predictMs(work)) ?? [wholePart(plan)];
  }

  /** A pass that was run as a whole. */
  observeWide(plan: StepPlan, passMs: number): void {
    // Where nothing is to be chosen, nothing has to be known.
    if (this.#mode === 'auto' && this.#narrowCount >= 2) this.#wide.observe(workOf(plan, this.#limits), passMs);
  }

  /** One part of a pass. */
  observeNarrow(work: StepWork, partMs: number): void {
    this.#narrow.observe(work, partMs);
  }

  /** What it has learnt so far, for the next start. */
  get remembered(): RememberedChoice {
    const { chunks, decodes } = this.#passes;
    return {
      wide: this.#wide.remembered,
      narrow: this.#narrow.remembered,
      trials: { chunks: Math.min(TRIALS, chunks), decodes: Math.min(TRIALS, decodes) },
    };
  }
}

/** Whether a file holds such a thing, as {@link isRememberedCost}. */
export function isRememberedChoice(value: unknown): value is RememberedChoice {
  if (typeof value !== 'object' || value === null) return false;
  const { wide, narrow, trials }: Partial<Record<keyof RememberedChoice, unknown>> = value;
  if (typeof trials !== 'object' || trials === null) return false;
  const { chunks, decodes }: Partial<Record<keyof RememberedChoice['trials'], unknown>> = trials;
  const areTrials = (count: unknown): boolean =>
    Number.isInteger(count) && 0 <= Number(count) && Number(count) <= TRIALS;
  return isRememberedCost(wide) && isRememberedCost(narrow) && areTrials(chunks) && areTrials(decodes);
}

/** Milliseconds of the part that takes longest. */
function longest(parts: readonly PlanPart[], cost: CostModel): number {
  return parts.reduce((longestMs, { work }) => Math.max(longestMs, cost.predictMs(work)), 0);
}
