import type { SequenceView } from './policy.js';

/** With prompts a step of streams takes so many times as long as without, */
const PACE_RATIO = 3;
/** or such a share of the time between two tokens, if that is longer. */
const TBT_SHARE = 0.5;
/** A millisecond between two tokens of a stream counts as so many until a prompt's first one. */
const GAP_WEIGHT = 2.5;
/** The finest take so many times as long as without prompts, */
const FINE_RATIO = 2;
/** or such a share of the time between two tokens: nobody asks for less. */
const FINE_TBT_SHARE = 0.125;

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
 * How long it takes where prompts have time to spare. In steps of L ms, of which decodes take d, prompts with W ms of work
 * wait some W · d / L longer than without streams, and each stream waits L for a token: the sum of what all wait is least where
 * L² is prompts · W · d / ({@link GAP_WEIGHT} · streams). A crowd that has few streams yet gets long steps, its last prompts short ones.
 * @param prompts how many there are, and what they take alone.
 */
export function finelyPacedMs(
  streams: readonly SequenceView[],
  decodesMs: number,
  prompts: { readonly count: number; readonly workMs: number },
): number {
  const fairMs = Math.sqrt((prompts.count * prompts.workMs * decodesMs) / (GAP_WEIGHT * streams.length));
  const finestMs = Math.max(FINE_RATIO * decodesMs, FINE_TBT_SHARE * shortestTbtMs(streams));
  return Math.min(Math.max(fairMs, finestMs), pacedMs(streams, decodesMs));
}

/** Whether streams are so slow that such a step takes longer than the share of the time that it may have in any case. */
export function arePressed(streams: readonly SequenceView[], decodesMs: number): boolean {
  return PACE_RATIO * decodesMs > TBT_SHARE * shortestTbtMs(streams);
}

function shortestTbtMs(streams: readonly SequenceView[]): number {
  return Math.min(...streams.map(({ objectives }) => objectives.tbtMs));
}
