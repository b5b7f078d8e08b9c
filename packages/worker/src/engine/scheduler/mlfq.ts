import { noWork, withChunk } from '../cost-model.js';
import type { Decision, ObservedStep, Policy, QueueView, SequenceView } from './policy.js';
import { isPrompt, StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/** Time that a sequence has on the highest level; each level below has twice as much. */
const QUANTUM_MS = 10;
const LEVEL_MAX = 20;
/** Who did not run for so long goes back to the highest level. */
const PROMOTE_MS = 3_000;

interface Standing {
  level: number;
  /** Time of the steps it was in since it came to this level. */
  usedMs: number;
  lastRunMs: number;
  /** Tokens it had when it last got a slot. */
  tokensAtEntry: number;
  /** Time since then in which what it had before was computed anew, */
  anewMs: number;
  /** and in which it gained tokens. */
  gainingMs: number;
}

/**
 * Skip-join multi-level feedback queue (Wu et al., FastServe, NSDI 2026): who has used its time on a level goes one down,
 * and a newcomer starts on the first level whose time its prompt fits into. The highest levels run; one that waits takes
 * the slot of one on a lower level.
 *
 * Differs: who loses its slot first has to have gained tokens, since it may have to be computed anew, and for as long as
 * that took it: where it takes so long that those who wait are promoted meanwhile, all would take turns at being computed
 * anew, and hardly anybody would get any further. One goes per step, and nobody is brought back before its turn; and the
 * promotion is looked at in every step, not in every thousandth. Inside a level, classes count.
 */
export class Mlfq implements Policy {
  readonly #standings = new WeakMap<SequenceView, Standing>();

  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
    const draft = new StepDraft(queue);
    const waiting = this.#byLevel(queue.waiting, queue);
    let running = this.#byLevel(queue.running, queue);
    const leaving = this.#leaving(waiting[0], running, draft, queue);
    if (leaving !== undefined) {
      running = running.filter((sequence) => sequence !== leaving);
      draft.preempt(leaving);
    }
    draft.decodeAll(running, waiting);
    const order = this.#byLevel([...draft.prompts, ...waiting], queue);
    draft.prefill(order, () => queue.limits.tokenBudget - draft.decodes.length - draft.prefillTokens);
    return draft.decision;
  }

  observe({ decision, endMs, passMs }: ObservedStep): void {
    for (const sequence of decision.preempted) {
      const standing = this.#standings.get(sequence);
      if (standing !== undefined) Object.assign(standing, entryOf(sequence));
    }
    for (const sequence of [...decision.decodes, ...decision.chunks.map((chunk) => chunk.sequence)]) {
      const standing = this.#standings.get(sequence);
      if (standing === undefined) continue;
      if (endMs - passMs - standing.lastRunMs >= PROMOTE_MS) Object.assign(standing, { level: 0, usedMs: 0 });
      standing.lastRunMs = endMs;
      standing.usedMs += passMs;
      if (sequence.tokens > standing.tokensAtEntry) standing.gainingMs += passMs;
      else if (sequence.lastTokenMs !== undefined) standing.anewMs += passMs;
      if (standing.usedMs <= quantumMs(standing.level)) continue;
      standing.level = Math.min(LEVEL_MAX, standing.level + 1);
      standing.usedMs = 0;
    }
  }

  /** Who has to make room for the first that waits, if it is worth it and helps. */
  #leaving<S extends SequenceView>(
    first: S | undefined,
    running: readonly S[],
    draft: StepDraft<S>,
    queue: QueueView<S>,
  ): S | undefined {
    const last = running.at(-1);
    if (first === undefined || last === undefined || draft.fits(first) || !draft.fits(first, last)) return undefined;
    // Prompt lanes that are taken by others would leave the place empty.
    if (running.filter(isPrompt).length >= queue.limits.chunksMax) return undefined;
    const { tokensAtEntry, anewMs, gainingMs } = this.#standing(last, queue);
    const hasGained = last.tokens > tokensAtEntry && gainingMs >= anewMs;
    return hasGained && this.#level(first, queue) < this.#level(last, queue) ? last : undefined;
  }

  #byLevel<S extends SequenceView>(sequences: readonly S[], queue: QueueView<SequenceView>): S[] {
    return byUrgency(sequences, queue.nowMs).sort((a, b) => this.#level(a, queue) - this.#level(b, queue));
  }

  #level(sequence: SequenceView, queue: QueueView<SequenceView>): number {
    const { level, lastRunMs } = this.#standing(sequence, queue);
    return queue.nowMs - lastRunMs >= PROMOTE_MS ? 0 : level;
  }

  #standing(sequence: SequenceView, { cost }: QueueView<SequenceView>): Standing {
    const known = this.#standings.get(sequence);
    if (known !== undefined) return known;
    const { computed, promptTokens } = sequence;
    const promptMs = cost.predictMs(withChunk(noWork, computed, promptTokens - computed));
    let level = 0;
    while (level < LEVEL_MAX && quantumMs(level) < promptMs) level += 1;
    const joined = { level, usedMs: 0, lastRunMs: sequence.arrivalMs, ...entryOf(sequence) };
    this.#standings.set(sequence, joined);
    return joined;
  }
}

function entryOf({ tokens }: SequenceView): Pick<Standing, 'tokensAtEntry' | 'anewMs' | 'gainingMs'> {
  return { tokensAtEntry: tokens, anewMs: 0, gainingMs: 0 };
}

function quantumMs(level: number): number {
  return QUANTUM_MS * 2 ** level;
}
