import type { Server } from 'node:http';
import net from 'node:net';
import type { Clock } from '@sluice/shared';
import type { Admission } from '../admission/admission.js';
import type { FleetWorkers } from '../workers/fleet-workers.js';

/** Milliseconds between two looks. */
const lookMs = 50;
/** Milliseconds without a request after which a process that was replaced counts as left alone. */
const quietMs = 1_000;

/** Waits until there are workers and all of them are attached, and no longer than `withinMs`. */
export async function waitAttached(workers: FleetWorkers, withinMs: number, clock: Clock): Promise<void> {
  await waitFor(() => workers.workers.length > 0 && workers.workers.every(({ isAttached }) => isAttached), {
    deadlineMs: clock.nowMs() + withinMs,
    clock,
  });
}

/** Waits until no request has been in flight for a second, and no longer than to `deadlineMs` of the clock. */
export async function waitQuiet(admission: Admission, deadlineMs: number, clock: Clock): Promise<void> {
  let busyMs = clock.nowMs();
  const isQuiet = (): boolean => {
    if (admission.requests > 0) busyMs = clock.nowMs();
    return clock.nowMs() - busyMs >= quietMs;
  };
  await waitFor(isQuiet, { deadlineMs, clock });
}

/** Frees the port and leaves connections as they are; `Server.close` of HTTP would cut the idle ones. */
export function stopAccepting(server: Server): void {
  net.Server.prototype.close.call(server);
}

/** The reply to every request from now on says `connection: close`, and its connection ends with it. */
export function endKeepAlive(server: Server): void {
  server.prependListener('request', (_, response) => response.setHeader('connection', 'close'));
}

function waitFor(isOver: () => boolean, { deadlineMs, clock }: { deadlineMs: number; clock: Clock }): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (isOver() || clock.nowMs() >= deadlineMs) resolve();
      else clock.after(lookMs, look);
    };
    look();
  });
}
