import { evenSlices } from './even-slices.js';
import type { Decision, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/**
 * Stall-free batching (Agrawal et al., Sarathi-Serve, OSDI 2024, algorithm 3): every running decode first, then prompts
 * that are under way, then new ones, first come first served, under one token budget.
 *
 * Differs in what a full decode batch does: the paper's code subtracts decodes from the budget and goes on when that is
 * negative; here it is 0 and prefill waits. Classes come before arrival, and where memory runs out the youngest running
 * sequence of the lowest class goes.
 * Prompts that the model computes side by side share the budget evenly where that is the better way (even-slices.ts); the
 * paper's model computes all tokens of a step together.
 */
export function sarathi<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  return stallFree(queue, queue.limits.tokenBudget, true);
}

/**
 * The ablation without chunks: decodes and whole prompts in one step, as long as it takes (Sarathi-Serve, section 5.4.2).
 */
export function hybridOnly<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  return stallFree(queue, queue.limits.stepTokensMax, false);
}

function stallFree<S extends SequenceView>(queue: QueueView<S>, tokenBudget: number, isShared: boolean): Decision<S> {
  const { nowMs } = queue;
  const draft = new StepDraft(queue);
  draft.decodeAll(byUrgency(queue.running, nowMs), byUrgency(queue.waiting, nowMs));
  const order = byUrgency([...draft.prompts, ...queue.waiting], nowMs);
  const left = (): number => tokenBudget - draft.decodes.length - draft.prefillTokens;
  const room = { work: draft.decodeWork, tokensMax: left(), timeMs: Number.POSITIVE_INFINITY };
  const even = isShared ? evenSlices(draft, order, order.length, room, queue) : undefined;
  if (even === undefined) draft.prefill(order, left);
  else draft.prefill(order, (sequence) => even.tokens.get(sequence) ?? 0, even.tokens.size);
  return draft.decision;
}
