import { noWork, type StepCost, withChunk } from '../cost-model.js';
import type { QueueView, SequenceView } from './policy.js';
import { byUrgency } from './urgency.js';

/**
 * What a prompt's own time counts for beside its deadline: a prompt of a second stands behind a short one that is due up
 * to so many seconds later. Niyama's figure, 8 ms a token, is far more on its machines; here a long prompt that came
 * first shall not wait for every short one.
 */
const SHORTNESS = 4;

export interface PromptOrder<S> {
  /** Can still have their first token in time, or are under way; who is next comes first. */
  readonly onTime: readonly S[];
  /** Wait and have missed their objective, or must miss it. */
  readonly late: readonly S[];
}

/**
 * Orders prompts by class, then by deadline and what is left of them (EDF mixed with shortest remaining prompt first), and
 * sets those apart that cannot make it.
 * @param share of the time of steps that prompts get, above 0.
 */
export function orderPrompts<S extends SequenceView>(
  prompts: readonly S[],
  share: number,
  { nowMs, running, cost }: QueueView<S>,
): PromptOrder<S> {
  const underWay = new Set(running);
  const keys = new Map<S, number>();
  const onTime: S[] = [];
  const late: S[] = [];
  for (const prompt of prompts) {
    const ownMs = promptMs(prompt, cost);
    const dueMs = prompt.arrivalMs + prompt.objectives.ttftMs;
    const isSettled = underWay.has(prompt) || prompt.lastTokenMs !== undefined;
    if (isSettled || nowMs + ownMs / share <= dueMs) onTime.push(prompt);
    else late.push(prompt);
    keys.set(prompt, dueMs + SHORTNESS * ownMs);
  }
  onTime.sort((a, b) => keys.get(a)! - keys.get(b)!);
  return {
    onTime: byUrgency(onTime, nowMs),
    late: byUrgency(
      late.sort((a, b) => a.arrivalMs - b.arrivalMs),
      nowMs,
    ),
  };
}

/**
 * Whether a prompt can have its first token in time if nobody goes before it, and not if it takes so many times as long.
 * @param share as of {@link orderPrompts}.
 */
export function losesObjective(
  prompt: SequenceView,
  delayRatio: number,
  share: number,
  { nowMs, cost }: QueueView<SequenceView>,
): boolean {
  const leftMs = prompt.arrivalMs + prompt.objectives.ttftMs - nowMs;
  const ownMs = promptMs(prompt, cost) / share;
  return prompt.lastTokenMs === undefined && ownMs <= leftMs && leftMs < ownMs * delayRatio;
}

/** Milliseconds that what is left of a prompt takes by itself. */
function promptMs({ computed, promptTokens }: SequenceView, cost: StepCost): number {
  return cost.predictMs(withChunk(noWork, computed, Math.max(0, promptTokens - computed)));
}
