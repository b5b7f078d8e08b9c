import { readFileSync } from 'node:fs';

/** Files and sockets that one process may have open; undefined where there is no /proc. Node raises its own to this. */
export function openFilesMax(): number | undefined {
  try {
    return parseOpenFilesMax(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads the hard limit in /proc/PID/limits (proc(5)). */
export function parseOpenFilesMax(text: string): number | undefined {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(text)?.[1];
  if (hard === undefined) return undefined;
  return hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard);
}
