import type { DecideEntry, SequenceSnapshot } from '../history.js';
import type { Checker } from './checker.js';

/** No step with prompts is planned to be longer, but for the least slice. */
const STEP_MS_MAX = 400;
/** Sums in another order round differently. */
const ROUNDING = 1 + 1e-9;

/**
 * A slice of a prompt beside streams, whom it does not hold up, is bound by the longest step alone. Any other
 * step with prompts is predicted to take no longer, margin included, than its streams have time. Let go may be those
 * whose time leaves no room for the least slice, the most pressing first: whoever could not be kept even without prompts,
 * and others while no more are let go than prompts wait. Who is let go is held to the first of twice, four times … its
 * objective that leaves room.
 */
export const timeBudget: Checker = (history) =>
  history.flatMap((record) => {
    if (record.kind !== 'decide' || record.predicted === undefined) return [];
    const { mixedMs, stepMs } = record.predicted;
    const mostMs = Math.min(Math.max(STEP_MS_MAX, mixedMs), streamsMs(record, record.atMs));
    return stepMs <= mostMs * ROUNDING
      ? []
      : [`at ${record.atMs} a step is predicted to take ${stepMs} ms, and its streams have ${mostMs} ms`];
  });

function streamsMs({ running, waiting, decodes, preempted, predicted }: DecideEntry, nowMs: number): number {
  const { decodesMs, mixedMs } = predicted!;
  const all = [...running, ...waiting];
  const streams = all.filter(({ id }) => decodes.includes(id));
  const isPrompt = ({ id }: SequenceSnapshot): boolean => !decodes.includes(id) && !preempted.includes(id);
  const prompts = running.filter((one) => isPrompt(one) && one.computed < one.promptTokens).length;
  const waitingPrompts = waiting.filter(isPrompt).length;
  const pressing = streams.map((one) => ({ one, ms: slackMs(one, 1, nowMs) })).sort((a, b) => a.ms - b.ms);
  const limitsMs = pressing.map(({ one, ms }, index) => {
    const mayGo = ms < mixedMs && (ms < decodesMs || index < prompts + waitingPrompts);
    if (!mayGo) return ms;
    let times = 2;
    while (slackMs(one, times, nowMs) < mixedMs) times *= 2;
    return slackMs(one, times, nowMs);
  });
  return Math.min(Number.POSITIVE_INFINITY, ...limitsMs);
}

/** Until the next token is due at so many times the objective; several steps away where tokens have to be put back. */
function slackMs(
  { tokens, computed, lastTokenMs, objectives }: SequenceSnapshot,
  times: number,
  nowMs: number,
): number {
  return ((lastTokenMs ?? nowMs) + times * objectives.tbtMs - nowMs) / Math.max(1, tokens - computed);
}
