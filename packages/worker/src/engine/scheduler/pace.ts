import type { SequenceView } from './policy.js';

/** With prompts a step of streams takes so many times as long as without, */
const PACE_RATIO = 3;
/** or such a share of the time between two tokens, if that is longer. */
const TBT_SHARE = 0.5;
/** Finer steps are more, and each costs something by itself: together so much of the time, at the most. */
const CUTTING_SHARE = 0.03;
/** The finest take so many times as long as without prompts, */
const FINE_RATIO = 2;
/** or such a share of the time between two tokens: nobody asks for less. */
const FINE_TBT_SHARE = 0.25;

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
 * How long it takes where prompts have time to spare: as much shorter as costs little. In each millisecond there are then
 * 1 / fine − 1 / {@link pacedMs} more steps, and what they cost by themselves is at most {@link CUTTING_SHARE} of it.
 * @param baseMs of a step that computes nothing.
 */
export function finelyPacedMs(streams: readonly SequenceView[], decodesMs: number, baseMs: number): number {
  const cheapMs = 1 / (1 / pacedMs(streams, decodesMs) + CUTTING_SHARE / baseMs);
  return Math.max(cheapMs, FINE_RATIO * decodesMs, FINE_TBT_SHARE * shortestTbtMs(streams));
}

/** Whether streams are so slow that such a step takes longer than the share of the time that it may have in any case. */
export function arePressed(streams: readonly SequenceView[], decodesMs: number): boolean {
  return PACE_RATIO * decodesMs > TBT_SHARE * shortestTbtMs(streams);
}

function shortestTbtMs(streams: readonly SequenceView[]): number {
  return Math.min(...streams.map(({ objectives }) => objectives.tbtMs));
}
