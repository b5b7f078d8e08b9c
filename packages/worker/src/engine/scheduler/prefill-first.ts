import type { Decision, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/**
 * What vLLM did before its version 1: whole prompts whenever one fits, and every stream stalls meanwhile; decodes only
 * when no prompt can run. A comparator. A prompt longer than a step takes several, with no decode between them.
 */
export function prefillFirst<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  const { nowMs, running, waiting, limits } = queue;
  const prefilling = new StepDraft(queue, { wholePrompts: true });
  const order = byUrgency([...prefilling.prompts, ...waiting], nowMs);
  prefilling.prefill(order, () => limits.stepTokensMax - prefilling.decodes.length - prefilling.prefillTokens);
  if (prefilling.chunks.length > 0) return prefilling.decision;
  const decoding = new StepDraft(queue);
  decoding.decodeAll(byUrgency(running, nowMs), byUrgency(waiting, nowMs));
  return decoding.decision;
}
