import type { LimitClaim, LimitLevel } from './limit-store.js';

/** What was used of a limit, as of a moment. */
export interface Bucket {
  readonly used: number;
  readonly atMs: number;
}

/** What is still counted of a bucket at `nowMs`. */
export function usedNow(bucket: Bucket | undefined, { amountMax, windowMs }: LimitClaim, nowMs: number): number {
  if (bucket === undefined) return 0;
  // Time that went backwards, on a store whose clock was set, forgets nothing.
  return Math.max(0, bucket.used - (Math.max(0, nowMs - bucket.atMs) * amountMax) / windowMs);
}

/** Whether a claim fits on top of what is used. Rounding of the leak must not keep the last whole unit back. */
export function fits(used: number, { amount, amountMax }: LimitClaim): boolean {
  return used + amount <= amountMax + 1e-6;
}

/** Milliseconds until `claim` would fit; undefined: never. */
export function fitsAfterMs(used: number, { amount, amountMax, windowMs }: LimitClaim): number | undefined {
  if (amount > amountMax) return undefined;
  return Math.max(1, Math.ceil(((used + amount - amountMax) * windowMs) / amountMax));
}

export function levelOf(used: number, { name, amountMax, windowMs }: LimitClaim): LimitLevel {
  return {
    name,
    remaining: Math.max(0, Math.floor(amountMax - used + 1e-6)),
    resetMs: Math.ceil((used * windowMs) / amountMax),
  };
}
