import type { SystemChecker } from './system-checker.js';

/** Nothing throws, spins or stays: every process that is told to go is gone soon. */
export const liveness: SystemChecker = (history, { gateways, workers }) => {
  const violations = history.flatMap((record) => (record.kind === 'broken' ? [record.message] : []));
  const restMs = history.find(({ kind }) => kind === 'rest')?.atMs;
  if (restMs === undefined) return [...violations, 'it never came to rest'];
  const closed = history.filter(({ kind, atMs }) => kind === 'closed' && atMs >= restMs).length;
  const processes = gateways.length + workers.length;
  return closed === processes ? violations : [...violations, `${closed} of ${processes} processes ended`];
};
