/**
 * What a caller wants to use of one limit. A limit is a bucket that leaks evenly: `amountMax` may be used at once, and
 * what was used is forgotten at `amountMax` per `windowMs`.
 */
export interface LimitClaim {
  /** Names the bucket in its fleet, `key-17:tokens`; not empty, and of any length. */
  readonly name: string;
  /** At least 0. 0 asks how much is left and is always granted while nothing is owed. */
  readonly amount: number;
  /** Above 0. A bound that changes applies from the next claim on, to what was used before it too. */
  readonly amountMax: number;
  /** Milliseconds in which a full bucket runs empty; 1 to 86,400,000. */
  readonly windowMs: number;
}

/** How a bucket stands after a claim was answered. */
export interface LimitLevel {
  readonly name: string;
  /** What could be claimed now, at least 0. */
  readonly remaining: number;
  /** Milliseconds until the bucket is empty, if nothing more is used. */
  readonly resetMs: number;
}

export type LimitAnswer =
  | {
      readonly kind: 'granted';
      readonly levels: readonly LimitLevel[];
      /** Counted in this process alone, because the fleet's store was out of reach. */
      readonly isLocal: boolean;
    }
  | {
      readonly kind: 'refused';
      readonly levels: readonly LimitLevel[];
      /** The first claim that did not fit. */
      readonly name: string;
      /** Milliseconds until the same claim would fit; undefined: never, it is above `amountMax`. */
      readonly retryAfterMs: number | undefined;
      readonly isLocal: boolean;
    };

/** What a granted claim has really used. */
export interface LimitSettlement extends LimitClaim {
  /** At least 0; may be above what was claimed, and then the bucket may owe for a while. */
  readonly used: number;
  /** As the answer said that granted the claim: what was reserved in one place is not given back in another. */
  readonly isLocal: boolean;
}

/**
 * Limits that all gateways of a fleet share. A claim is reserved when a request starts and settled when it ends; one
 * that is never settled, because its gateway died, leaks away with its window.
 *
 * Nothing here throws or waits longer than the store's bound for a command. While the store is out of reach each
 * process counts for itself, from empty.
 */
export interface LimitStore {
  /** All claims or none of them, atomically. At most {@link claimsMax}, of different names. */
  reserve(claims: readonly LimitClaim[]): Promise<LimitAnswer>;
  /** Gives back what was reserved and not used, or takes what was used beyond it. To be called once per reservation. */
  settle(settlements: readonly LimitSettlement[]): Promise<void>;
}

export const claimsMax = 16;
