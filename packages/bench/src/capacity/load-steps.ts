import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@sluice/shared';
import type { ModelPort } from '@sluice/worker';
import type { Measured } from '../simulate/calibrate.js';
import { Replica, type ReplicaSettings } from '../simulate/replica.js';
import { gapLimits, Tally } from '../simulate/tally.js';
import type { Arrival } from '../simulate/trace.js';
import { StepWatch } from './step-watch.js';

const LOOK_MS = 20;

export interface LoadSteps {
  readonly steps: readonly Measured[];
  /** Of each step but the first: from the end of the one before it to its own beginning. */
  readonly hostGapsMs: readonly number[];
}

/**
 * Steps of the engine as it runs: the requests come one after the other, `everyMs` apart, and what is left after
 * `durationMs` is cancelled. Such steps take longer than the same passes alone, because tokens are handed on meanwhile.
 */
export async function runLoadSteps(
  model: ModelPort,
  settings: ReplicaSettings,
  arrivals: readonly Arrival[],
  everyMs: number,
  durationMs: number,
): Promise<LoadSteps> {
  const clock = systemClock();
  const watch = new StepWatch(model, () => performance.now());
  const tally = new Tally(arrivals.length, gapLimits(arrivals, settings.tbtMs));
  const replica = new Replica(settings, { model: watch.model, clock, tally });
  const startMs = performance.now();
  for (let sent = 0; performance.now() - startMs < durationMs; ) {
    while (sent < arrivals.length && sent * everyMs <= performance.now() - startMs) {
      replica.submit(sent, arrivals[sent++]!);
    }
    if (sent === arrivals.length && replica.liveCount === 0) break;
    await sleep(LOOK_MS);
  }
  await replica.close();
  return { steps: watch.take(), hostGapsMs: watch.hostGapsMs };
}
