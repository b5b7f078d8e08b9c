import { noWork, type StepCost, withChunk } from '../cost-model.js';
import { arePressed } from './pace.js';
import type { QueueView, SequenceView, SideBySide } from './policy.js';
import { stepTimeMs } from './slack.js';
import { isPrompt, type StepDraft } from './step-draft.js';

/**
 * Prompts beside streams, each on executors of its own: streams then wait for no prompt, and nobody for the slower half of
 * a step. A prompt has one executor, as many prompts at a time as half of the executors; streams have the others.
 *
 *   executor 0   [decodes][decodes][decodes][decodes]…
 *   executor 1   [ slice of a prompt       ][ slice …
 *
 * A prompt begins before the streams' next step does: that leaves alone the slots of prompts that are under way, and no
 * prompt may begin in a slot that a step of streams did not know of.
 *
 * Whether they go so now, and not one after the other in steps on all executors: few streams are quicker by those.
 */
export function goApart<S extends SequenceView>(
  { decodes, preempted, decodeWork }: StepDraft<S>,
  prompts: readonly S[],
  { nowMs, cost }: QueueView<S>,
  beside: SideBySide<S>,
): boolean {
  // What is under way is not waited for.
  if (beside.busy.length > 0) return true;
  if (decodes.length === 0 || preempted.length > 0) return false;
  if (!arePressed(decodes, cost.predictMs(decodeWork))) return false;
  const streams = costBeside(beside);
  const decodesMs = streams.predictMs(decodeWork) * streams.marginRatio;
  const leastMs = { decodesMs, mixedMs: decodesMs };
  if (decodesMs > stepTimeMs(decodes, prompts.length, leastMs, nowMs)) return false;
  return prompts.length > 1 || !areLate(prompts, 1, beside.costOn(1), nowMs);
}

/** Whether one more prompt may have an executor of its own. */
export function mayBegin<S extends SequenceView>(
  { decodes, preempted }: StepDraft<S>,
  { executors, executorsFree, promptsUnderWay, busy }: SideBySide<S>,
): boolean {
  if (preempted.length > 0 || (decodes.length > 0 && executorsFree < 2)) return false;
  const hasStreams = decodes.length > 0 || busy.some((one) => !isPrompt(one));
  return promptsUnderWay < (hasStreams ? promptsMax(executors) : executors);
}

/** What a step of streams costs beside as many prompts as there may be. */
export function costBeside({ executors, costOn }: SideBySide<SequenceView>): StepCost {
  return costOn(executors - promptsMax(executors));
}

/**
 * Whether prompts would miss their first token's time if they were computed one after the other, in this order and in such
 * a share of the time.
 */
export function areLate(prompts: readonly SequenceView[], share: number, cost: StepCost, nowMs: number): boolean {
  let endMs = nowMs;
  for (const { computed, promptTokens, arrivalMs, objectives, lastTokenMs } of prompts) {
    const left = Math.max(0, promptTokens - computed);
    endMs += cost.predictMs(withChunk(noWork, computed, left)) / share;
    if (lastTokenMs === undefined && endMs > arrivalMs + objectives.ttftMs) return true;
  }
  return false;
}

function promptsMax(executors: number): number {
  return Math.floor(executors / 2);
}
