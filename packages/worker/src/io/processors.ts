import { readFileSync } from 'node:fs';

/** Whether threads of passes are bound to processors: where a worker has as many as it may run on, or never. */
export type PinMode = 'auto' | 'off';
export const pinModes: readonly PinMode[] = ['auto', 'off'];

/**
 * A processor for each thread, by the system's numbers; undefined where the system is to place them: where there are more
 * processors than threads somebody else may have some of them, and the system knows whose turn it is.
 */
export function processorsFor(
  threads: number,
  pin: PinMode,
  allowed = allowedProcessors(),
): readonly number[] | undefined {
  return pin === 'auto' && allowed?.length === threads ? allowed : undefined;
}

/** Those that this process may run on; undefined on systems other than Linux. */
function allowedProcessors(): readonly number[] | undefined {
  try {
    const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return list === undefined ? undefined : parseProcessors(list);
  } catch {
    return undefined;
  }
}

/** @param list such as `0-3,8` */
export function parseProcessors(list: string): readonly number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) || 0 }, (_, index) => first + index);
  });
}
