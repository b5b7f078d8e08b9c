import type { StepCost } from './cost-model.js';
import { slotOf } from './kv/slot-holder.js';
import type { SlotMemory } from './kv/slot-memory.js';
import type { LiveSequence } from './live-sequence.js';
import type { Decision } from './scheduler/policy.js';
import type { SequenceTable } from './sequence-table.js';
import type { Speculation } from './speculation/speculation.js';
import type { DecodeRow, PrefillChunk, StepPlan } from './step-plan.js';

/**
 * Moves sequences, slots and memory as decided, and writes down what the pass computes. Beside chunks nobody speculates.
 * @param speculation undefined: nobody does in any case.
 */
export function writePlan(
  decision: Decision<LiveSequence>,
  sequences: SequenceTable,
  memory: SlotMemory,
  cost: StepCost,
  speculation: Speculation | undefined,
): StepPlan {
  sequences.preempt(decision.preempted, cost);
  for (const sequence of decision.decodes) if (sequence.slot === undefined) sequences.admit(sequence);
  const planned = new Set<LiveSequence>(decision.decodes);
  const chunks = decision.chunks.map(({ sequence, tokens }): PrefillChunk => {
    planned.add(sequence);
    if (sequence.slot === undefined) sequences.admit(sequence);
    const end = sequence.computed + tokens;
    const wantTokens = sequence.wantTokens(end);
    return {
      slot: slotOf(sequence),
      tokenIds: sequence.tokenIds.slice(sequence.computed, end),
      position: sequence.computed,
      want: wantTokens > 0 ? sequence.want : undefined,
      wantTokens,
      stateTokens: sequence.promptReport?.stateTokens(sequence.computed, end) ?? 0,
    };
  });
  for (const sequence of decision.decodes) memory.grow(sequence);
  const further =
    chunks.length === 0 ? speculation?.choose(decision.decodes, cost, sequences.promptsAtHand) : undefined;
  const decodes = decision.decodes.map((sequence, index): DecodeRow => {
    const tokenIds = [sequence.tokenIds[sequence.computed]!, ...(further?.[index] ?? [])];
    if (tokenIds.length > 1) tokenIds.length = memory.stretch(sequence, tokenIds.length);
    const wantTokens = Math.max(0, sequence.computed + tokenIds.length - sequence.tokens + 1);
    return {
      slot: slotOf(sequence),
      tokenIds,
      position: sequence.computed,
      want: wantTokens > 0 ? sequence.want : undefined,
      wantTokens,
    };
  });
  const resting = sequences.running
    .filter((sequence) => !planned.has(sequence) && !sequence.isInPass)
    .map((sequence) => ({ slot: slotOf(sequence), position: sequence.computed }));
  return { decodes, chunks, resting: [...resting, ...memory.idle] };
}
