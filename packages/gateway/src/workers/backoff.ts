import type { Rng } from '@sluice/shared';

export interface BackoffOptions {
  /** Wait before the second attempt, milliseconds. */
  readonly firstMs: number;
  /** Longest wait, milliseconds. */
  readonly maxMs: number;
}

/**
 * Wait before the next attempt after `failures` in a row (from 1), milliseconds: doubles up to the longest, and is
 * drawn from its upper half, so that gateways which lost the same worker do not all come back at once.
 */
export function backoffMs(failures: number, options: BackoffOptions, rng: Rng): number {
  const fullMs = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(failures - 1, 30));
  return fullMs * (0.5 + rng.next() / 2);
}
