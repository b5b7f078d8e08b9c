import { type Rng, seededRng } from '@sluice/shared';
import type {
  Decision,
  Policy,
  QueueView,
  SequenceView,
  SideBySide,
} from '../../packages/worker/src/engine/scheduler/policy.js';
import { StepDraft } from '../../packages/worker/src/engine/scheduler/step-draft.js';

/**
 * A policy that draws what runs beside what: prompts of any slices on executors of their own, steps of streams on any
 * number of them with prompts or without, executors left free. It promises nothing; it is there to bring the engine into
 * places where slo seldom takes it.
 */
export class BesideAtRandom implements Policy {
  readonly #rng: Rng = seededRng(1);

  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
    const { running, waiting, beside } = queue;
    const draft = new StepDraft(queue);
    const kept = [...running];
    if (kept.length > 1 && this.#has(0.08)) draft.preempt(kept.splice(this.#rng.below(kept.length), 1)[0]!);
    draft.decodeAll(kept, waiting);
    if (beside === undefined) return this.#whole(draft, queue);
    const isIdle = beside.executorsFree === beside.executors;
    if (draft.preempted.length === 0 && this.#has(0.6) && (isIdle || beside.executorsFree > 1 || this.#has(0.5))) {
      const apart = new StepDraft(queue);
      this.#prefill(apart, queue, 1);
      if (apart.chunks.length > 0) return { decodes: [], chunks: apart.chunks, preempted: [], executors: 1 };
    }
    if (isIdle) return this.#has(0.5) ? this.#part(draft, queue, beside) : this.#whole(draft, queue);
    if (draft.preempted.length === 0 && this.#has(0.2)) return { decodes: [], chunks: [], preempted: [] };
    return this.#part(draft, queue, beside);
  }

  observe(): void {}

  /** On all executors, if none has a pass. */
  #whole<S extends SequenceView>(draft: StepDraft<S>, queue: QueueView<S>): Decision<S> {
    this.#prefill(draft, queue, this.#has(0.5) ? queue.limits.chunksMax : queue.limits.chunksAbreast);
    return draft.decision;
  }

  /** On some executors. */
  #part<S extends SequenceView>(
    draft: StepDraft<S>,
    queue: QueueView<S>,
    { executors, executorsFree }: SideBySide<S>,
  ): Decision<S> {
    const count = 1 + this.#rng.below(executorsFree);
    if (count === executors) return this.#whole(draft, queue);
    if (draft.decodes.length === 0 || this.#has(0.3)) this.#prefill(draft, queue, count);
    return { ...draft.decision, executors: count };
  }

  /** Prompts under way in any order, then those that wait. */
  #prefill<S extends SequenceView>(draft: StepDraft<S>, { waiting, limits }: QueueView<S>, chunksMax: number): void {
    const letIn = new Set(draft.decodes);
    const prompts = draft.prompts.filter(() => this.#has(0.8));
    const order = [...(prompts.length > 0 ? prompts : draft.prompts), ...waiting.filter((one) => !letIn.has(one))];
    const tokensMax = limits.tokenBudget - draft.decodes.length;
    const room = (): number => Math.min(tokensMax - draft.prefillTokens, 4 + this.#rng.below(tokensMax));
    draft.prefill(order, room, chunksMax);
  }

  #has(share: number): boolean {
    return this.#rng.next() < share;
  }
}
