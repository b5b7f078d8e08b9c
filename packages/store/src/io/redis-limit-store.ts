import type { Clock } from '@sluice/shared';
import type { FleetKeys } from '../fleet-keys.js';
import { fitsAfterMs, levelOf } from '../leaky-bucket.js';
import type { LimitAnswer, LimitClaim, LimitSettlement, LimitStore } from '../limit-store.js';
import { checkClaims, MemoryLimitStore } from '../memory-limit-store.js';
import type { RedisLink } from './redis-link.js';
import { RedisScript } from './redis-script.js';

/**
 * KEYS: one bucket each. ARGV: for each bucket amount, amountMax, windowMs. Adds the amounts if all of them fit, or
 * always where the first argument is `force`, and never below zero. Answers with whether it did and what is used of each.
 * A bucket is a hash: u, what was used, and t, when, in milliseconds of the server's time.
 */
const claimScript = new RedisScript(`local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local force = ARGV[1] == 'force'
local used, granted = {}, 1
for i, key in ipairs(KEYS) do
  local amount, most, window = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local bucket = redis.call('HMGET', key, 'u', 't')
  local u, t = tonumber(bucket[1]), tonumber(bucket[2])
  used[i] = 0
  if u and t then used[i] = math.max(0, u - math.max(0, now - t) * most / window) end
  if not force and used[i] + amount > most + 1e-6 then granted = 0 end
end
local reply = {granted}
for i, key in ipairs(KEYS) do
  local amount, most, window = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if granted == 1 then
    used[i] = math.max(0, used[i] + amount)
    if used[i] > 0 then
      redis.call('HSET', key, 'u', string.format('%.17g', used[i]), 't', string.format('%d', now))
      redis.call('PEXPIRE', key, math.ceil(used[i] * window / most) + 1000)
    else
      redis.call('DEL', key)
    end
  end
  reply[i + 1] = string.format('%.17g', used[i])
end
return reply`);

/** Limits of a fleet, each claim one atomic script; while Redis is out of reach, of this process alone. */
export class RedisLimitStore implements LimitStore {
  readonly #link: RedisLink;
  readonly #keys: FleetKeys;
  readonly #local: MemoryLimitStore;

  constructor(link: RedisLink, keys: FleetKeys, clock: Clock) {
    this.#link = link;
    this.#keys = keys;
    this.#local = new MemoryLimitStore(clock, true);
  }

  async reserve(claims: readonly LimitClaim[]): Promise<LimitAnswer> {
    checkClaims(claims);
    const answer = await this.#claim('fit', claims);
    if (answer === undefined) return this.#local.reserve(claims);
    const levels = claims.map((claim, index) => levelOf(answer.used[index] ?? 0, claim));
    if (answer.isGranted) return { kind: 'granted', levels, isLocal: false };
    const index = claims.findIndex(({ amount, amountMax }, i) => (answer.used[i] ?? 0) + amount > amountMax + 1e-6);
    const claim = claims[Math.max(0, index)];
    const retryAfterMs = claim === undefined ? undefined : fitsAfterMs(answer.used[Math.max(0, index)] ?? 0, claim);
    return { kind: 'refused', levels, name: claim?.name ?? '', retryAfterMs, isLocal: false };
  }

  async settle(settlements: readonly LimitSettlement[]): Promise<void> {
    checkClaims(settlements);
    await this.#local.settle(settlements.filter(({ isLocal }) => isLocal));
    // What Redis does not hear now leaks away there, as if its gateway had died.
    const shared = settlements.filter(({ isLocal }) => !isLocal);
    await this.#claim(
      'force',
      shared.map((each) => ({ ...each, amount: each.used - each.amount })),
    );
  }

  async #claim(mode: 'fit' | 'force', claims: readonly LimitClaim[]) {
    if (claims.length === 0) return { isGranted: true, used: [] };
    const keys = claims.map(({ name }) => this.#keys.limit(name));
    const values = claims.flatMap(({ amount, amountMax, windowMs }) => [amount, amountMax, windowMs]);
    const reply = await this.#link.run((client) => claimScript.run(client, keys, [mode, ...values]));
    if (!Array.isArray(reply) || reply.length !== claims.length + 1) return undefined;
    const [granted, ...used] = reply;
    return { isGranted: granted === 1, used: used.map(Number) };
  }
}
