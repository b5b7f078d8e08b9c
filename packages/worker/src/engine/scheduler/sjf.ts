import { noWork, withChunk, withDecode } from '../cost-model.js';
import { OutputLengths } from './output-lengths.js';
import type { Decision, ObservedStep, Policy, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/**
 * Shortest predicted job first among those that wait; who runs, runs on. Else as Sarathi's policy. A job's length is what
 * the cost model says of its prompt and of its answer, whose length comes from the answers that its client had before
 * ({@link OutputLengths}). Time spent waiting is taken off, so that everybody's turn comes.
 */
export class ShortestJobFirst implements Policy {
  readonly #lengths = new OutputLengths();

  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
    const { nowMs, running, waiting, limits } = queue;
    const draft = new StepDraft(queue);
    const rowMs = decodeRowMs(queue);
    const keys = new Map(
      waiting.map((sequence) => [sequence, this.#jobMs(sequence, rowMs, queue) - (nowMs - sequence.arrivalMs)]),
    );
    const shortest = waiting.toSorted((a, b) => keys.get(a)! - keys.get(b)!);
    draft.decodeAll(byUrgency(running, nowMs), byUrgency(shortest, nowMs));
    const order = byUrgency([...draft.prompts, ...shortest], nowMs);
    draft.prefill(order, () => limits.tokenBudget - draft.decodes.length - draft.prefillTokens);
    return draft.decision;
  }

  observe({ ended }: ObservedStep): void {
    for (const { client, generated } of ended) this.#lengths.add(client, generated);
  }

  #jobMs(sequence: SequenceView, rowMs: number, { cost }: QueueView<SequenceView>): number {
    const { client, computed, promptTokens, tokens, tokensMax, generated } = sequence;
    const answerTokens = this.#lengths.of(client, tokensMax) - generated;
    const left = Math.max(1, Math.min(tokensMax - tokens, answerTokens));
    return cost.predictMs(withChunk(noWork, computed, Math.max(0, promptTokens - computed))) + left * rowMs;
  }
}

/** What one decode row more adds to a step, which runs for the others anyhow. */
function decodeRowMs({ running, cost }: QueueView<SequenceView>): number {
  const rows = running.reduce((work, { computed }) => withDecode(work, computed), noWork);
  const context = running.length === 0 ? 0 : rows.decodeContext / rows.decodes;
  return cost.predictMs(withDecode(rows, context)) - cost.predictMs(rows);
}
