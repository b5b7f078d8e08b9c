import type { Clock } from '../clock.js';

/** The machine's own time. Timers hold the process open unless `unref` is given. */
export function systemClock(options: { readonly unref?: boolean } = {}): Clock {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      if (options.unref) timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
