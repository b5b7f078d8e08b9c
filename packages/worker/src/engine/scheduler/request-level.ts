import type { Decision, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/**
 * Request-level batching, as FasterTransformer's schedulers do it: a batch of whole prompts is let in when the one before
 * it is over, then only decodes run until its last request ends. Memory for all of a request's tokens is promised. A
 * comparator. A step has few prompt lanes, so a batch comes in over several steps: until its first decode.
 */
export function requestLevel<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  const { nowMs, running, waiting, limits } = queue;
  // The last slice of a prompt gives its first token, every later one comes from a decode.
  const isForming = running.every((sequence) => sequence.tokens <= sequence.promptTokens + 1);
  const prefilling = new StepDraft(queue, { reservesWhole: true, wholePrompts: true });
  const order = byUrgency([...prefilling.prompts, ...(isForming ? waiting : [])], nowMs);
  prefilling.prefill(order, () => limits.stepTokensMax - prefilling.decodes.length - prefilling.prefillTokens);
  if (prefilling.chunks.length > 0) return prefilling.decision;
  const decoding = new StepDraft(queue);
  decoding.decodeAll(byUrgency(running, nowMs), byUrgency(waiting, nowMs));
  return decoding.decision;
}
