import os from 'node:os';
import { controlGroupFolders, readIfThere } from '@sluice/shared';

/**
 * Bytes that this process may still take: what the machine has free, and what its control groups (version 2 and 1) leave
 * of their limits, pages of files that they could give up not counted as used.
 *
 * @param read contents of a file, or undefined where there is none
 */
export function freeMemoryBytes(
  machineBytes: number = os.freemem(),
  read: (file: string) => string | undefined = readIfThere,
): number {
  let bytes = machineBytes;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === undefined) continue;
    const version = controllers === '' ? version2 : controllers!.split(',').includes('memory') ? version1 : undefined;
    if (version === undefined) continue;
    for (const folder of controlGroupFolders(version.root, group))
      bytes = Math.min(bytes, leftIn(folder, version, read));
  }
  return Math.max(0, bytes);
}

interface GroupFiles {
  readonly root: string;
  readonly limit: string;
  readonly usage: string;
  /** Field of memory.stat: bytes of files that were not used of late. */
  readonly reclaimable: string;
}

const version2: GroupFiles = {
  root: '/sys/fs/cgroup',
  limit: 'memory.max',
  usage: 'memory.current',
  reclaimable: 'inactive_file',
};

const version1: GroupFiles = {
  root: '/sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  reclaimable: 'total_inactive_file',
};

/** Infinity where the group has no limit. */
function leftIn(folder: string, files: GroupFiles, read: (file: string) => string | undefined): number {
  const limit = Number.parseInt(read(`${folder}/${files.limit}`) ?? '', 10);
  const usage = Number.parseInt(read(`${folder}/${files.usage}`) ?? '', 10);
  if (Number.isNaN(limit) || Number.isNaN(usage)) return Number.POSITIVE_INFINITY;
  const stat = read(`${folder}/memory.stat`) ?? '';
  const reclaimable = Number(new RegExp(`^${files.reclaimable} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  return limit - Math.max(0, usage - reclaimable);
}
