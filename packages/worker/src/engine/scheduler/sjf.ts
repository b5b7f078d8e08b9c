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
    draft.decodeAll(byUrgency(running, nowMs));
    const keys = new Map(waiting.map((sequence) => [sequence, this.#jobMs(sequence, queue) - age(sequence, nowMs)]));
    const shortest = waiting.toSorted((a, b) => keys.get(a)! - keys.get(b)!);
    const order = byUrgency([...draft.prompts, ...shortest], nowMs);
    draft.prefill(order, () => limits.tokenBudget - draft.decodes.length - draft.prefillTokens);
    return draft.decision;
  }

  observe({ ended }: ObservedStep): void {
    for (const { client, tokens, promptTokens } of ended) this.#lengths.add(client, tokens - promptTokens);
  }

  #jobMs(sequence: SequenceView, { cost, running }: QueueView<SequenceView>): number {
    const { client, computed, promptTokens, tokens, tokensMax } = sequence;
    const left = Math.max(
      1,
      Math.min(tokensMax - tokens, this.#lengths.of(client, tokensMax) - (tokens - promptTokens)),
    );
    // A decode row costs what it adds to a step; the step runs for the others anyhow.
    const others = running.reduce((work) => withDecode(work, promptTokens), noWork);
    const rowMs = cost.predictMs(withDecode(others, promptTokens)) - cost.predictMs(others);
    return cost.predictMs(withChunk(noWork, computed, promptTokens - computed)) + left * rowMs;
  }
}

function age({ arrivalMs }: SequenceView, nowMs: number): number {
  return nowMs - arrivalMs;
}
