import type { SequenceView } from './policy.js';

/** What steps of this moment take at the least. */
export interface LeastMs {
  /** With the decodes alone. */
  readonly decodesMs: number;
  /** With the decodes and the smallest useful slice of a prompt, and some to spare. */
  readonly mixedMs: number;
}

/** Milliseconds until the next token of a stream is due; below zero when it is late. */
export function slackMs(sequence: SequenceView, nowMs: number): number {
  return slackAt(sequence, sequence.objectives.tbtMs, nowMs);
}

/**
 * How long a step may take so that streams keep their objectives. A stream is let go where its objective is lost in any
 * case, and where keeping it would hold up at least as many prompts as streams are let go, most pressing first: then it is
 * held to twice its objective, or four times and so on, the first that leaves room for prompts.
 * @returns less than `mixedMs` where the streams leave no room for prompts; Infinity without streams.
 */
export function stepTimeMs(
  streams: readonly SequenceView[],
  prompts: number,
  { decodesMs, mixedMs }: LeastMs,
  nowMs: number,
): number {
  const byPressure = streams.toSorted((a, b) => slackMs(a, nowMs) - slackMs(b, nowMs));
  let timeMs = Number.POSITIVE_INFINITY;
  for (const [letGo, stream] of byPressure.entries()) {
    const slack = slackMs(stream, nowMs);
    // All behind it have more time.
    if (slack >= mixedMs) return Math.min(timeMs, slack);
    const isLost = slack < decodesMs;
    if (!isLost && letGo + 1 > prompts) return Math.min(timeMs, slack);
    timeMs = Math.min(timeMs, relaxedSlackMs(stream, mixedMs, nowMs));
  }
  return timeMs;
}

function relaxedSlackMs(stream: SequenceView, leastMs: number, nowMs: number): number {
  let tbtMs = stream.objectives.tbtMs;
  do tbtMs *= 2;
  while (slackAt(stream, tbtMs, nowMs) < leastMs);
  return slackAt(stream, tbtMs, nowMs);
}

function slackAt({ tokens, computed, lastTokenMs }: SequenceView, tbtMs: number, nowMs: number): number {
  // After a preemption it takes several steps to its next token.
  const steps = Math.max(1, tokens - computed);
  return ((lastTokenMs ?? nowMs) + tbtMs - nowMs) / steps;
}
