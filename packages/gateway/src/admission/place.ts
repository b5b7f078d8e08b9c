import { ServingError } from '@sluice/shared';
import type { LimitStore } from '@sluice/store';
import type { Caller } from '../auth/caller.js';
import { type Reservation, reserveLimits } from '../auth/rate-limits.js';
import type { HttpReply } from '../http/http-reply.js';
import type { Admission } from './admission.js';

export interface PlaceParts {
  readonly limits: LimitStore;
  readonly admission: Admission;
}

/** What a call takes of what there is. */
export interface PlaceWishes {
  readonly caller: Caller;
  /** Tokens of prompts and answers, at most; estimated. */
  readonly tokens: number;
  readonly choices: number;
}

/**
 * What the caller may still use, and places among the requests in flight; held until the connection has closed or taken the
 * whole reply, be that an error.
 * @returns headers for the reply; undefined: the client has left meanwhile.
 * @throws (rejects) ServingError `rate_limited` or `queue_full`; then nothing is held.
 */
export async function takePlace(
  { limits, admission }: PlaceParts,
  { caller, tokens, choices }: PlaceWishes,
  reply: HttpReply,
): Promise<Reservation['headers'] | undefined> {
  const reservation = await reserveLimits(limits, caller, tokens);
  const release = reply.isOver ? undefined : admission.admit(choices);
  if (release === undefined || release instanceof ServingError) {
    void reservation.settle(0);
    if (release === undefined) return undefined;
    throw release;
  }
  reply.onClose(() => {
    const { promptTokens, generatedTokens } = reply.record;
    void reservation.settle(promptTokens + generatedTokens);
    release();
  });
  return reservation.headers;
}
