import type { SequenceView } from './policy.js';

/** With prompts a step of streams takes so many times as long as without, */
const PACE_RATIO = 3;
/** or such a share of the time between two tokens, if that is longer. */
const TBT_SHARE = 0.5;
/** Where prompts have time to spare, so many times as long as a step will once all of them stream, */
const CROWD_RATIO = 2;
/** unless so many of them wait for each stream. */
const MANY_RATIO = 2;

/** Of the time of a step as long as {@link pacedMs} that is the prompts', at the least. */
export const PACED_SHARE = 1 - 1 / PACE_RATIO;

/**
 * How long a step with prompts takes where there is time for more: longer ones serve prompts little better, and streams
 * worse.
 * @param decodesMs of the step without prompts.
 */
export function pacedMs(streams: readonly SequenceView[], decodesMs: number): number {
  return Math.max(PACE_RATIO * decodesMs, TBT_SHARE * shortestTbtMs(streams));
}

/**
 * How long it takes where prompts have time to spare: twice as long as a step of the whole crowd, streams and those that are
 * prompts yet. So streams are never less than half as fast as they soon will be anyway, prompts have at least half of each step,
 * and steps are about as long as each other, however many of the crowd stream already. While streams are a third of it at most,
 * it takes as long as where there is no time to spare: what few wait for a step or two, many would wait for else.
 * @param crowdMs of a step that decodes for streams and prompts alike.
 * @param prompts that would be in that step.
 */
export function finelyPacedMs(
  streams: readonly SequenceView[],
  decodesMs: number,
  { crowdMs, prompts }: { crowdMs: number; prompts: number },
): number {
  const mostMs = pacedMs(streams, decodesMs);
  return prompts >= MANY_RATIO * streams.length ? mostMs : Math.min(CROWD_RATIO * crowdMs, mostMs);
}

/** Whether streams are so slow that such a step takes longer than the share of the time that it may have in any case. */
export function arePressed(streams: readonly SequenceView[], decodesMs: number): boolean {
  return PACE_RATIO * decodesMs > TBT_SHARE * shortestTbtMs(streams);
}

function shortestTbtMs(streams: readonly SequenceView[]): number {
  return Math.min(...streams.map(({ objectives }) => objectives.tbtMs));
}
