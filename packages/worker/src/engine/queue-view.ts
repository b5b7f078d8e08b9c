import type { StepCost } from './cost-model.js';
import type { SlotMemory } from './kv/slot-memory.js';
import type { LiveSequence } from './live-sequence.js';
import type { ModelLimits } from './model-port.js';
import type { PassesUnderWay } from './passes-under-way.js';
import type { QueueView, SideBySide } from './scheduler/policy.js';
import type { SequenceTable } from './sequence-table.js';

export interface QueueParts {
  readonly nowMs: number;
  readonly tokenBudget: number;
  readonly limits: ModelLimits;
  readonly sequences: SequenceTable;
  readonly memory: SlotMemory;
  readonly passes: PassesUnderWay;
  /** What passes cost on so many executors, or on all. */
  readonly costs: { costOn(executors: number | undefined): StepCost };
}

/** What a policy sees at this moment. At least one executor is free. */
export function queueView(parts: QueueParts): QueueView<LiveSequence> {
  const { nowMs, tokenBudget, limits, sequences, memory, passes, costs } = parts;
  memory.lookUpAll(sequences.waiting);
  const { chunksMax, chunksAbreast = 1, chunkBlockTokens, stepTokensMax } = limits;
  const { executors, executorsFree } = passes;
  const costOn = (count: number): StepCost => costs.costOn(count === executors ? undefined : count);
  const common = {
    nowMs,
    slotsFree: memory.slotsFree,
    blocksFree: memory.blocksFree,
    blocksMax: memory.blocksMax,
    cost: costOn(executorsFree),
  };
  const stepLimits = {
    tokenBudget,
    stepTokensMax,
    chunksMax,
    chunksAbreast,
    chunkBlockTokens,
    copyTokensMax: memory.copyTokensMax,
  };
  if (executors === 1) {
    return { ...common, running: sequences.running, waiting: sequences.admissible, limits: stepLimits };
  }
  const busy: LiveSequence[] = [];
  const running: LiveSequence[] = [];
  for (const sequence of sequences.running) (passes.isBusy(sequence) ? busy : running).push(sequence);
  const beside: SideBySide<LiveSequence> = {
    executors,
    executorsFree,
    busy,
    promptsUnderWay: passes.prompts,
    held: busy.filter(({ isInPass, prefillTokens }) => !isInPass && prefillTokens > 0),
    costOn,
  };
  const waiting = passes.haveDecodes ? promptsOf(sequences.admissible) : sequences.admissible;
  if (passes.isEmpty) return { ...common, running, waiting, limits: stepLimits, beside };
  const ownLimits = { ...stepLimits, chunksMax: Math.min(chunksMax, executorsFree), chunksAbreast: executorsFree };
  return { ...common, running, waiting, limits: ownLimits, beside };
}

/** Nobody, where some would come in among the decodes: who stands behind them must not overtake them. */
function promptsOf(waiting: readonly LiveSequence[]): readonly LiveSequence[] {
  return waiting.every(({ prefillTokens }) => prefillTokens > 0) ? waiting : [];
}
