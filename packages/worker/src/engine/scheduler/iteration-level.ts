import type { Decision, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/**
 * Orca's iteration-level batching (Yu et al., OSDI 2022): each step all running decodes and as many whole prompts as
 * memory, slots and lanes allow, however long that takes. Memory for all of a request's tokens is promised when it is let
 * in, so nobody is preempted. A comparator.
 */
export function iterationLevel<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  const { nowMs, running, waiting, limits } = queue;
  const draft = new StepDraft(queue, { reservesWhole: true, wholePrompts: true });
  draft.decodeAll(byUrgency(running, nowMs), byUrgency(waiting, nowMs));
  const order = byUrgency([...draft.prompts, ...waiting], nowMs);
  draft.prefill(order, () => limits.stepTokensMax - draft.decodes.length - draft.prefillTokens);
  return draft.decision;
}
