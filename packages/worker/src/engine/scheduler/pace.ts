import type { SequenceView } from './policy.js';

/** With prompts a step of streams takes so many times as long as without, */
const PACE_RATIO = 3;
/** or such a share of the time between two tokens, if that is longer. */
const TBT_SHARE = 0.5;
/** Where prompts have time to spare, so many times as long as a step will once all of them stream, at the least, */
const CROWD_RATIO = 2;
/** and so many times for each prompt that waits for a stream. */
const WAIT_RATIO = 1.5;

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
 * How long it takes where prompts have time to spare: one and a half steps of the whole crowd, streams and those that are
 * prompts yet, for each prompt that waits for a stream, and at least two. So the few streams of a crowd's beginning wait for
 * the many prompts behind them; streams that are many are never less than half as fast as they soon will be anyway; and
 * prompts have at least half of each step.
 * @param crowdMs of a step that decodes for streams and prompts alike.
 * @param prompts that would be in that step.
 */
export function finelyPacedMs(
  streams: readonly SequenceView[],
  decodesMs: number,
  { crowdMs, prompts }: { crowdMs: number; prompts: number },
): number {
  const crowdSteps = Math.max(CROWD_RATIO, (WAIT_RATIO * prompts) / streams.length);
  return Math.min(crowdSteps * crowdMs, pacedMs(streams, decodesMs));
}

/** Whether streams are so slow that such a step takes longer than the share of the time that it may have in any case. */
export function arePressed(streams: readonly SequenceView[], decodesMs: number): boolean {
  return PACE_RATIO * decodesMs > TBT_SHARE * shortestTbtMs(streams);
}

function shortestTbtMs(streams: readonly SequenceView[]): number {
  return Math.min(...streams.map(({ objectives }) => objectives.tbtMs));
}
