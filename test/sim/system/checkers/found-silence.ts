import type { SystemFault } from '../system-faults.js';
import type { SystemChecker } from './system-checker.js';

/** Aim of the fleet, and what a look behind the deadline may add. */
const FOUND_MS = 2_000;

/** A worker that says nothing any more is known to be lost within 2 s by every gateway that was attached to it. */
export const foundSilence: SystemChecker = (history, { faults, latencyMs, gateways }) => {
  const boundMs = FOUND_MS + 3 * latencyMs;
  return faults.flatMap((fault) => {
    const gone = goneBy(fault);
    if (gone === undefined || fault.ms <= boundMs) return [];
    // What else happens to either end at that time says when it is over.
    const isAlone = faults.every((other) => other === fault || !meets(other, fault, boundMs));
    if (!isAlone) return [];
    return gateways.flatMap((_, gateway) => {
      if (gone.gateway !== undefined && gone.gateway !== gateway) return [];
      const isAttached = wasAttached(history, gateway, gone.worker, fault.atMs);
      const isFound = history.some(
        (record) =>
          record.kind === 'detached' &&
          record.gateway === gateway &&
          record.worker === gone.worker &&
          record.atMs >= fault.atMs &&
          record.atMs <= fault.atMs + boundMs,
      );
      return isAttached && !isFound
        ? [`gateway ${gateway} did not find worker ${gone.worker} silent in ${boundMs} ms`]
        : [];
    });
  });
};

/** Whom nobody hears any more. */
function goneBy(fault: SystemFault): { readonly worker: number; readonly gateway: number | undefined } | undefined {
  if (fault.kind === 'silence') return { worker: fault.worker, gateway: fault.gateway };
  const isSilent = fault.kind === 'hang-worker' || (fault.kind === 'kill-worker' && !fault.isTold);
  return isSilent ? { worker: fault.worker, gateway: undefined } : undefined;
}

function meets(a: SystemFault, b: SystemFault, boundMs: number): boolean {
  return a.atMs - 4_000 < b.atMs + boundMs && b.atMs < a.atMs + a.ms + 4_000;
}

function wasAttached(history: Parameters<SystemChecker>[0], gateway: number, worker: number, atMs: number): boolean {
  let isAttached = false;
  for (const record of history) {
    if (record.atMs >= atMs) break;
    if (record.kind !== 'attached' && record.kind !== 'detached') continue;
    if (record.gateway === gateway && record.worker === worker) isAttached = record.kind === 'attached';
  }
  return isAttached;
}
