import { readFileSync, statSync } from 'node:fs';
import { type Clock, type Logger, ServingError } from '@sluice/shared';

const LOOK_MS = 2_000;

/** A file that is read anew when it has changed; while what is in it is wrong, the last that was right stays. */
export interface WatchedFile<T> {
  readonly current: T;
  stop(): void;
}

/** @throws ServingError `invalid_request` naming the file when it cannot be read or is wrong from the beginning. */
export function watchFile<T>(file: string, parse: (text: string) => T, clock: Clock, log: Logger): WatchedFile<T> {
  const read = (): T => {
    try {
      return parse(readFileSync(file, 'utf8'));
    } catch (cause) {
      const problem = `${file}: ${cause instanceof Error ? cause.message : cause}`;
      throw new ServingError('invalid_request', problem, { cause });
    }
  };
  let current = read();
  let seen = stateOf(file);
  const look = (): void => {
    stopTimer = clock.after(LOOK_MS, look);
    const state = stateOf(file);
    if (state === seen) return;
    seen = state;
    try {
      current = read();
      log.info({ file }, 'read anew');
    } catch (cause) {
      log.error({ err: cause, file }, 'what changed is not used');
    }
  };
  let stopTimer = clock.after(LOOK_MS, look);
  return {
    get current() {
      return current;
    },
    stop: () => stopTimer(),
  };
}

/** Changes when the file does. */
function stateOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'gone';
  }
}
