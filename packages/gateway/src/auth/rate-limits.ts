import { ServingError } from '@sluice/shared';
import type { LimitClaim, LimitLevel, LimitSettlement, LimitStore } from '@sluice/store';
import type { Caller } from './caller.js';

const WINDOW_MS = 60_000;

/** What a request has reserved of its caller's limits. */
export interface Reservation {
  /** For the reply: `x-ratelimit-limit-requests` and its kin, as OpenAI names them. */
  readonly headers: Readonly<Record<string, string>>;
  /** To be called once, when the request is over, with the tokens that it really used. */
  settle(tokensUsed: number): Promise<void>;
}

const nothing: Reservation = { headers: {}, settle: () => Promise.resolve() };

/**
 * Reserves one request and its tokens of the caller's limits, all or nothing, over all gateways.
 * @param tokens of the prompt, estimated, and the most that the answer may have.
 * @throws (rejects) ServingError `rate_limited`, with the time after which the same request fits.
 */
export async function reserveLimits(store: LimitStore, caller: Caller, tokens: number): Promise<Reservation> {
  const claims = claimsOf(caller, tokens);
  if (claims.length === 0) return nothing;
  const answer = await store.reserve(claims);
  if (answer.kind === 'refused') throw limitError(answer.name, answer.retryAfterMs, claims);
  return {
    headers: limitHeaders(claims, answer.levels),
    settle: (tokensUsed) => {
      const { isLocal } = answer;
      const settlements = claims
        .filter(isOfTokens)
        .map((claim): LimitSettlement => ({ ...claim, used: tokensUsed, isLocal }));
      return settlements.length === 0 ? Promise.resolve() : store.settle(settlements);
    },
  };
}

function claimsOf({ name, requestsPerMinute, tokensPerMinute }: Caller, tokens: number): LimitClaim[] {
  const claim = (what: string, amount: number, amountMax: number | undefined): LimitClaim[] =>
    amountMax === undefined ? [] : [{ name: `${name}:${what}`, amount, amountMax, windowMs: WINDOW_MS }];
  return [...claim('requests', 1, requestsPerMinute), ...claim('tokens', tokens, tokensPerMinute)];
}

function isOfTokens({ name }: LimitClaim): boolean {
  return name.endsWith(':tokens');
}

function limitError(name: string, retryAfterMs: number | undefined, claims: readonly LimitClaim[]): ServingError {
  const claim = claims.find((one) => one.name === name)!;
  const what = isOfTokens(claim) ? 'tokens' : 'requests';
  const wanted = what === 'tokens' ? `; this request reserves ${claim.amount}` : '';
  const problem = `${what} per minute: at most ${claim.amountMax} with these credentials${wanted}`;
  if (retryAfterMs === undefined) return new ServingError('rate_limited', `${problem}, which never fits`);
  return new ServingError('rate_limited', problem, { retryAfterMs });
}

function limitHeaders(claims: readonly LimitClaim[], levels: readonly LimitLevel[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const claim of claims) {
    const level = levels.find(({ name }) => name === claim.name);
    if (level === undefined) continue;
    const what = isOfTokens(claim) ? 'tokens' : 'requests';
    headers[`x-ratelimit-limit-${what}`] = `${claim.amountMax}`;
    headers[`x-ratelimit-remaining-${what}`] = `${Math.floor(level.remaining)}`;
    headers[`x-ratelimit-reset-${what}`] = `${Math.ceil(level.resetMs / 1000)}s`;
  }
  return headers;
}
