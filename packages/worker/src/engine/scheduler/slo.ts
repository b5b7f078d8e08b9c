import { noWork, type StepCost, type StepWork, withChunk, withDecode } from '../cost-model.js';
import { CHUNK_TOKENS_MIN, evenSlices, largest, levelled } from './even-slices.js';
import { finelyPacedMs, PACED_SHARE, pacedMs } from './pace.js';
import type { Decision, ObservedStep, Policy, QueueView, SequenceView } from './policy.js';
import { areLate, costBeside, goApart, mayBegin } from './prompts-apart.js';
import { stepTimeMs } from './slack.js';
import { StepDraft } from './step-draft.js';
import { losesObjective, orderPrompts } from './ttft-order.js';
import { byUrgency } from './urgency.js';

/** No step is planned to be longer, so that nobody who comes meanwhile waits long for the next. */
const STEP_MS_MAX = 400;
/** Of a step's time, for guesses of how long a prompt will take: its least slice is something. */
const PROMPT_SHARE_MIN = 0.05;
/**
 * Beside decodes a step has at most so many times the prompt tokens of the largest step of late, which fades by so much at
 * each step with prompts: the cost model is sure only near what it has seen.
 */
const GROWTH = 1.5;
const FADING = 0.998;
/** What counts as seen from the beginning. */
const FAMILIAR_TOKENS_MIN = 64;
/** Prompts that take no larger share of the time to their first token beside the streams are computed there alone. */
const SOON_SHARE = 0.2;
/** Prompts that would be in time with so small a share of the time have some to spare. */
const SPARING_SHARE = 0.2;
/** One in so many of those let in is one that misses its objective, also while others can keep theirs. */
const LATE_SHARE = 8;

/**
 * Keeps objectives: a step takes as long as the most pressing stream has time, and prompts get the slices that the cost
 * model says fit into it. After Niyama (arXiv 2503.22562): chunks from slack, earliest deadline mixed with shortest
 * remaining prompt, eager relegation. All decodes are in every step.
 *
 * - Overload costs some their objective and not everybody: a prompt that cannot have its first token in time is relegated
 *   behind those that can, but gets every eighth place; a stream that cannot keep its pace, or holds up several prompts
 *   to keep it, is let go (slack.ts); and nobody is let in who would cost more streams their pace than prompts wait.
 * - A prompt's slices are about as long as each other, in no more steps.
 * - Prompts that the model computes side by side get slices that end together, where that is the better way on average
 *   (even-slices.ts) and the first of them still has its first token in time.
 * - With nobody to disturb, a prompt gets all the tokens that a pass can take, up to {@link STEP_MS_MAX} worth.
 * - Where all prompts are in time, a step takes less than that, and less again where they have time to spare (pace.ts).
 * - Where passes can run side by side and streams are slow, prompts go beside them on executors of their own
 *   (prompts-apart.ts), as if there was nobody to disturb; in the streams' steps only where they would wait long otherwise.
 */
export class ServiceLevel implements Policy {
  /** Those that waited when they were last seen: whether they were late. */
  readonly #wasLate = new WeakMap<SequenceView, boolean>();
  /** Let in since the last that was late. */
  #onTimeInARow = 0;
  /** Prompt tokens of the largest step of late. */
  #familiarTokens = FAMILIAR_TOKENS_MIN;

  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
    const { nowMs, running, waiting } = queue;
    const draft = new StepDraft(queue);
    draft.decodeAll(byUrgency(running, nowMs), byUrgency(waiting, nowMs));
    const resumed = new Set(draft.decodes);
    const prompts = [...draft.prompts, ...waiting.filter((one) => !resumed.has(one))];
    if (prompts.length === 0) return draft.decision;
    return this.#apart(draft, prompts, queue) ?? this.#together(draft, prompts, queue);
  }

  observe({ decision: { chunks } }: ObservedStep): void {
    if (chunks.length === 0) return;
    const tokens = chunks.reduce((sum, chunk) => sum + chunk.tokens, 0);
    this.#familiarTokens = Math.max(FAMILIAR_TOKENS_MIN, FADING * this.#familiarTokens, tokens);
    for (const { sequence } of chunks) {
      const wasLate = this.#wasLate.get(sequence);
      if (wasLate === undefined) continue;
      this.#wasLate.delete(sequence);
      this.#onTimeInARow = wasLate ? 0 : this.#onTimeInARow + 1;
    }
  }

  /** What a step has of prompts beside its decodes. */
  #together<S extends SequenceView>(draft: StepDraft<S>, prompts: readonly S[], queue: QueueView<S>): Decision<S> {
    const { nowMs, limits, cost } = queue;
    let work = draft.decodeWork;
    const decodesMs = cost.predictMs(work);
    const longest = Math.max(...prompts.map(({ computed }) => computed));
    const mixedMs = cost.predictMs(withChunk(work, longest, CHUNK_TOKENS_MIN)) * cost.marginRatio;
    const leastMs = { decodesMs, mixedMs };
    const mostMs = Math.max(mostMsBeside(draft, decodesMs, prompts, queue), mixedMs);
    const timeMs = Math.min(mostMs, stepTimeMs(draft.decodes, prompts.length, leastMs, nowMs));

    const promptShare = Math.max(PROMPT_SHARE_MIN, 1 - (decodesMs * cost.marginRatio) / timeMs);
    const order = this.#order(prompts, promptShare, queue);

    const familiar = draft.decodes.length === 0 ? Number.POSITIVE_INFINITY : Math.floor(GROWTH * this.#familiarTokens);
    // One that was copied out may still come among the decodes.
    const tokensMax = (): number => Math.min(familiar, limits.stepTokensMax - draft.decodes.length);
    const largestSlice = (sequence: S): number => {
      const last = draft.chunks[work.chunks];
      if (last !== undefined) work = withChunk(work, last.sequence.computed, last.tokens);
      const { computed, promptTokens } = sequence;
      const most = Math.max(0, Math.min(promptTokens - computed, tokensMax() - draft.prefillTokens));
      const least = Math.min(most, CHUNK_TOKENS_MIN);
      const takesMs = (tokens: number): number => cost.predictMs(withChunk(work, computed, tokens));
      const tokens = largest(most, (count) => takesMs(count) * cost.marginRatio <= timeMs);
      if (tokens >= least) return tokens === 0 ? 0 : levelled(new Map([[sequence, tokens]])).get(sequence)!;
      return draft.decodes.length + draft.chunks.length === 0 ? least : 0;
    };
    const next = keepingPace(order, (rows) => withChunk(rows, 0, CHUNK_TOKENS_MIN), cost, queue);
    const even = evenSlices(draft, next, prompts.length, { work, tokensMax: tokensMax(), timeMs }, queue);
    if (even === undefined || losesObjective(even.first, even.delayRatio, promptShare, queue)) {
      draft.prefill(next, largestSlice);
    } else {
      const tokens = levelled(even.tokens);
      draft.prefill(next, (sequence) => tokens.get(sequence) ?? 0, tokens.size);
    }
    return draft.decision;
  }

  /** A slice of a prompt beside the streams, or the streams beside those of prompts; undefined: all in one step. */
  #apart<S extends SequenceView>(
    draft: StepDraft<S>,
    prompts: readonly S[],
    queue: QueueView<S>,
  ): Decision<S> | undefined {
    const { nowMs, running, limits, beside } = queue;
    if (beside === undefined || !goApart(draft, prompts, queue, beside)) return undefined;
    if (mayBegin(draft, beside)) {
      const cost = beside.costOn(1);
      const { held } = beside;
      const order = this.#order([...prompts, ...held], 1, { ...queue, running: [...running, ...held], cost });
      // Whoever comes first and has to wait a moment is not to wait for a whole slice of another.
      const free = held.includes(order[0]!) ? [] : order.filter((prompt) => !held.includes(prompt));
      draft.prefill(
        keepingPace(free, (rows) => rows, costBeside(beside), queue),
        ({ computed, promptTokens }) => {
          const most = Math.min(promptTokens - computed, limits.stepTokensMax);
          const tokens = largest(most, (count) => cost.predictMs(withChunk(noWork, computed, count)) <= STEP_MS_MAX);
          return Math.max(tokens, Math.min(most, CHUNK_TOKENS_MIN));
        },
        1,
      );
      if (draft.chunks.length > 0) return { decodes: [], chunks: draft.chunks, preempted: [], executors: 1 };
    }
    const isSoon = beside.promptsUnderWay > 0 && !areLate(prompts, SOON_SHARE, beside.costOn(1), nowMs);
    return isSoon || draft.decodes.length === 0 ? draft.decision : undefined;
  }

  /** In which order prompts have their turn. */
  #order<S extends SequenceView>(prompts: readonly S[], promptShare: number, queue: QueueView<S>): readonly S[] {
    const { onTime, late } = orderPrompts(prompts, promptShare, queue);
    for (const one of queue.waiting) this.#wasLate.set(one, false);
    for (const one of late) this.#wasLate.set(one, true);
    const isLatesTurn = this.#onTimeInARow >= LATE_SHARE - 1;
    return isLatesTurn ? [...late.slice(0, 1), ...onTime, ...late.slice(1)] : [...onTime, ...late];
  }
}

/** How long a step may take for the sake of its prompts, margin included: a pace is what steps take, and not the most. */
function mostMsBeside<S extends SequenceView>(
  { decodes, decodeWork }: StepDraft<S>,
  decodesMs: number,
  prompts: readonly S[],
  { cost, nowMs, running, slotsFree }: QueueView<S>,
): number {
  if (decodes.length === 0 || areLate(prompts, PACED_SHARE, cost, nowMs)) return STEP_MS_MAX;
  if (areLate(prompts, SPARING_SHARE, cost, nowMs)) return pacedMs(decodes, decodesMs) * cost.marginRatio;
  const crowd = prompts.slice(0, running.length + slotsFree - decodes.length);
  const crowdMs = cost.predictMs(crowd.reduce((work, { promptTokens }) => withDecode(work, promptTokens), decodeWork));
  return finelyPacedMs(decodes, decodesMs, { crowdMs, prompts: crowd.length }) * cost.marginRatio;
}

/**
 * The prompts without those that would, once they stream, cost more streams their pace than prompts wait; one that is held
 * back holds back those behind it. No more new ones than a step can take.
 * @param stepOf what a step of so many streams computes.
 * @param cost of such a step.
 */
function keepingPace<S extends SequenceView>(
  order: readonly S[],
  stepOf: (rows: StepWork) => StepWork,
  cost: StepCost,
  { running, waiting, limits, beside }: QueueView<S>,
): S[] {
  const streams: SequenceView[] = [...running, ...(beside?.busy ?? [])];
  let work = streams.reduce((sum, one) => withDecode(sum, Math.max(one.computed, one.promptTokens)), noWork);
  const paceMs = (rows: StepWork): number => cost.predictMs(stepOf(rows)) * cost.marginRatio;
  const isRunning = new Set(running);
  const newcomersMax = Math.max(limits.chunksMax, limits.chunksAbreast);
  let newcomers = 0;
  return order.filter((prompt) => {
    if (isRunning.has(prompt)) return true;
    if (newcomers >= newcomersMax) return false;
    const grown = withDecode(work, prompt.tokens);
    const [beforeMs, afterMs] = [paceMs(work), paceMs(grown)];
    const hurt = streams.filter(({ objectives: { tbtMs } }) => beforeMs <= tbtMs && tbtMs < afterMs);
    if (hurt.length > 0 && hurt.length >= waiting.length) {
      newcomers = newcomersMax;
      return false;
    }
    newcomers += 1;
    work = grown;
    streams.push(prompt);
    return true;
  });
}
