import { assert, type Clock } from '@sluice/shared';
import { shortName } from './fleet-keys.js';
import { type Bucket, fits, fitsAfterMs, levelOf, usedNow } from './leaky-bucket.js';
import { claimsMax, type LimitAnswer, type LimitClaim, type LimitSettlement, type LimitStore } from './limit-store.js';

/** Buckets that are kept; beyond it those go that would be empty soonest. */
const bucketsMax = 100_000;

/** Limits of one process; also what stands in for the fleet's while their store is out of reach. */
export class MemoryLimitStore implements LimitStore {
  readonly #clock: Clock;
  readonly #isLocal: boolean;
  readonly #buckets = new Map<string, Bucket & { readonly emptyMs: number }>();

  /** @param isLocal what answers say of themselves: whether this stands in for a store that others share. */
  constructor(clock: Clock, isLocal = false) {
    this.#clock = clock;
    this.#isLocal = isLocal;
  }

  async reserve(claims: readonly LimitClaim[]): Promise<LimitAnswer> {
    checkClaims(claims);
    const nowMs = this.#clock.wallMs();
    const used = claims.map((claim) => usedNow(this.#buckets.get(shortName(claim.name)), claim, nowMs));
    const refused = claims.findIndex((claim, index) => !fits(used[index] ?? 0, claim));
    const claim = claims[refused];
    const isLocal = this.#isLocal;
    if (claim !== undefined) {
      const levels = claims.map((each, index) => levelOf(used[index] ?? 0, each));
      const retryAfterMs = fitsAfterMs(used[refused] ?? 0, claim);
      return { kind: 'refused', levels, name: claim.name, retryAfterMs, isLocal };
    }
    const levels = claims.map((each, index) => this.#set(each, (used[index] ?? 0) + each.amount, nowMs));
    return { kind: 'granted', levels, isLocal };
  }

  async settle(settlements: readonly LimitSettlement[]): Promise<void> {
    checkClaims(settlements);
    const nowMs = this.#clock.wallMs();
    for (const claim of settlements) {
      const used = usedNow(this.#buckets.get(shortName(claim.name)), claim, nowMs);
      this.#set(claim, Math.max(0, used + claim.used - claim.amount), nowMs);
    }
  }

  #set(claim: LimitClaim, used: number, nowMs: number) {
    const level = levelOf(used, claim);
    const name = shortName(claim.name);
    this.#buckets.delete(name);
    if (used > 0) this.#buckets.set(name, { used, atMs: nowMs, emptyMs: nowMs + level.resetMs });
    if (this.#buckets.size > bucketsMax) this.#shrink(nowMs);
    return level;
  }

  /** Rare enough to look at all of them: a tenth goes at a time. */
  #shrink(nowMs: number): void {
    const byEnd = [...this.#buckets].sort(([, a], [, b]) => a.emptyMs - b.emptyMs);
    for (const [index, [name, { emptyMs }]] of byEnd.entries()) {
      if (index < bucketsMax / 10 || emptyMs <= nowMs) this.#buckets.delete(name);
    }
  }
}

/** Claims are made by us from checked configuration, never from a request. */
export function checkClaims(claims: readonly (LimitClaim & { readonly used?: number })[]): void {
  assert(claims.length <= claimsMax, `${claims.length} claims at once, at most ${claimsMax}`);
  assert(new Set(claims.map(({ name }) => name)).size === claims.length, 'two claims on one limit');
  for (const { name, amount, amountMax, windowMs, used = 0 } of claims) {
    assert(name.length > 0, 'a limit without a name');
    assert(amount >= 0 && used >= 0, `limit ${name}: ${amount} claimed, ${used} used`);
    assert(amountMax > 0 && windowMs >= 1 && windowMs <= 86_400_000, `limit ${name}: ${amountMax} per ${windowMs} ms`);
  }
}
