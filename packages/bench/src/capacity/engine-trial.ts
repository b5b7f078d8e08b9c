import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@sluice/shared';
import type { ModelPort } from '@sluice/worker';
import { Replica, type ReplicaSettings } from '../simulate/replica.js';
import { gapLimits, Tally, type TrialResult } from '../simulate/tally.js';
import type { Arrival } from '../simulate/trace.js';

/** Between two looks at whether a trial is over; arrivals are kept to the millisecond. */
const LOOK_MS = 20;

/**
 * Sends the arrivals at a rate to a new engine over the model, in real time: what trial.ts does in simulated time. Ends
 * as soon as a limit cannot hold any more, or with the last token.
 * @param isWhole run to the end also when a limit is broken on the way.
 */
export async function runEngineTrial(
  model: ModelPort,
  settings: ReplicaSettings,
  arrivals: readonly Arrival[],
  ratePerSecond: number,
  isWhole = false,
): Promise<TrialResult> {
  const clock = systemClock();
  const tally = new Tally(arrivals.length, gapLimits(arrivals, settings.tbtMs));
  const replica = new Replica(settings, { model, clock, tally });
  const startMs = clock.nowMs();
  const dueMs = (index: number): number => startMs + ((arrivals[index]?.at ?? Infinity) * 1000) / ratePerSecond;
  let sent = 0;
  while (isWhole || !tally.isLost) {
    while (sent < arrivals.length && dueMs(sent) <= clock.nowMs()) replica.submit(sent, arrivals[sent++]!);
    if (sent === arrivals.length && replica.liveCount === 0) break;
    await sleep(Math.max(0, Math.min(LOOK_MS, dueMs(sent) - clock.nowMs())));
  }
  const isCut = sent < arrivals.length || replica.liveCount > 0;
  const result = tally.result(ratePerSecond, clock.nowMs() - startMs, isCut);
  await replica.close();
  return result;
}
