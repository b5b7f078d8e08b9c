import os from 'node:os';
import { controlGroupFolders, readIfThere } from '@sluice/shared';

/** Compute threads for each of `workers` workers on this machine: an even share, at least 1. */
export function threadsPerWorker(workers: number, cpus: number = cpusAvailable()): number {
  return Math.max(1, Math.floor(cpus / workers));
}

/**
 * CPUs that this process may keep busy, a whole number from 1 up: the affinity mask, and the quota of its control groups
 * (version 2 and 1) rounded up. Node 20's own count does not know of quotas.
 *
 * @param read contents of a file, or undefined where there is none
 */
export function cpusAvailable(
  parallelism: number = os.availableParallelism(),
  read: (file: string) => string | undefined = readIfThere,
): number {
  const quota = cgroupQuota(read);
  return Math.max(1, Math.min(parallelism, quota === undefined ? parallelism : Math.ceil(quota)));
}

/** CPUs that the control groups allow, the smallest on the way up to the root; undefined: no limit. */
function cgroupQuota(read: (file: string) => string | undefined): number | undefined {
  const quotas: number[] = [];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === undefined) continue;
    if (controllers === '') {
      for (const folder of controlGroupFolders('/sys/fs/cgroup', group)) {
        const [quota, period] = (read(`${folder}/cpu.max`) ?? '').trim().split(' ').map(Number);
        if (quota && period) quotas.push(quota / period);
      }
    } else if (controllers?.split(',').includes('cpu')) {
      for (const folder of controlGroupFolders('/sys/fs/cgroup/cpu', group)) {
        const quota = Number(read(`${folder}/cpu.cfs_quota_us`));
        const period = Number(read(`${folder}/cpu.cfs_period_us`));
        if (quota > 0 && period > 0) quotas.push(quota / period);
      }
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}
