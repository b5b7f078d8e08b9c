import { machineTime } from './machine-time.js';

/**
 * Begins to watch the CPU. What it returns says the share of the machine's CPU time since then that went to other
 * processes or other machines; null without /proc.
 * @param ofServers CPU time of processes that were started for the measurement, in milliseconds, told by the caller.
 */
export function cpuShares(): (serversMs?: number) => number | null {
  const before = { machine: machineTime(), own: process.cpuUsage() };
  return (serversMs = 0) => {
    const machine = machineTime();
    if (before.machine === undefined || machine === undefined) return null;
    const own = process.cpuUsage(before.own);
    const totalMs = machine.totalMs - before.machine.totalMs;
    const takenMs = machine.busyMs + machine.stolenMs - before.machine.busyMs - before.machine.stolenMs;
    const ownMs = (own.user + own.system) / 1000 + serversMs;
    return totalMs > 0 ? Math.max(0, takenMs - ownMs) / totalMs : null;
  };
}
