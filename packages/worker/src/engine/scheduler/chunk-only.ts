import type { Decision, ObservedStep, Policy, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/**
 * The ablation without hybrid batches (Sarathi-Serve's "chunking only"): one step of prompt slices under the token budget,
 * then one of decodes, in turns. A comparator.
 */
export class ChunkOnly implements Policy {
  #isPromptsTurn = true;

  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
    const [first, second] = this.#isPromptsTurn ? [prompts(queue), decodes(queue)] : [decodes(queue), prompts(queue)];
    return first.decodes.length + first.chunks.length > 0 ? first : second;
  }

  observe({ decision }: ObservedStep): void {
    this.#isPromptsTurn = decision.chunks.length === 0;
  }
}

function prompts<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  const draft = new StepDraft(queue);
  const order = byUrgency([...draft.prompts, ...queue.waiting], queue.nowMs);
  draft.prefill(order, () => queue.limits.tokenBudget - draft.decodes.length - draft.prefillTokens);
  return draft.decision;
}

function decodes<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  const draft = new StepDraft(queue);
  draft.decodeAll(byUrgency(queue.running, queue.nowMs), byUrgency(queue.waiting, queue.nowMs));
  return draft.decision;
}
