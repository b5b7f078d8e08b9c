import type { FleetKeys } from '../fleet-keys.js';
import type {
  ResponseLimits,
  ResponsePut,
  ResponseRead,
  ResponseRemove,
  ResponseStore,
  ResponseUsage,
} from '../response-store.js';
import type { RedisLink } from './redis-link.js';
import { RedisScript } from './redis-script.js';

// KEYS in all of them: the ids by the time at which they expire, in the server's milliseconds; their bytes by id, and under
// `*` those of all; a response, which is a hash.

const forget = `local function forget(id, key)
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[1], id)
  local bytes = redis.call('HGET', KEYS[2], id)
  if not bytes then return end
  redis.call('HDEL', KEYS[2], id)
  redis.call('HINCRBY', KEYS[2], '*', -bytes)
end
`;

/**
 * ARGV: id, owner, text, its bytes, milliseconds to keep, most bytes of all, most responses, and what keys of responses
 * begin with. Those keys are made here, and are on the same node of a cluster by their hash tag.
 */
const putScript = new RedisScript(`${forget}local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do forget(id, ARGV[8] .. id) end
forget(ARGV[1], KEYS[3])
redis.call('HSET', KEYS[3], 'v', 1, 'owner', ARGV[2], 'text', ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[5])
redis.call('ZADD', KEYS[1], now + ARGV[5], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
local bytes = redis.call('HINCRBY', KEYS[2], '*', ARGV[4])
while bytes > tonumber(ARGV[6]) or redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[7]) do
  local id = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not id then break end
  forget(id, ARGV[8] .. id)
  bytes = tonumber(redis.call('HGET', KEYS[2], '*'))
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 'kept'`);

/** ARGV: id, owner. */
const removeScript =
  new RedisScript(`${forget}if redis.call('HGET', KEYS[3], 'owner') ~= ARGV[2] then return 'unknown' end
forget(ARGV[1], KEYS[3])
return 'removed'`);

export class RedisResponseStore implements ResponseStore {
  readonly #link: RedisLink;
  readonly #keys: FleetKeys;
  readonly #limits: ResponseLimits;

  constructor(link: RedisLink, keys: FleetKeys, limits: ResponseLimits) {
    this.#link = link;
    this.#keys = keys;
    this.#limits = limits;
  }

  async put(id: string, owner: string, text: string): Promise<ResponsePut> {
    const { responseBytesMax, bytesMax, countMax, expireMs } = this.#limits;
    const bytes = Buffer.byteLength(text);
    if (bytes > responseBytesMax) return 'too_large';
    const values = [id, owner, text, bytes, expireMs, bytesMax, countMax, this.#keys.response('')];
    const reply = await this.#link.run((client) => putScript.run(client, this.#keysOf(id), values));
    return reply === 'kept' ? 'kept' : 'unavailable';
  }

  async read(id: string, owner: string): Promise<ResponseRead> {
    const reply = await this.#link.run((client) => client.hmget(this.#keys.response(id), 'v', 'owner', 'text'));
    if (reply === undefined) return { kind: 'unavailable' };
    const [version, keptOwner, text] = reply;
    return version === '1' && keptOwner === owner && typeof text === 'string'
      ? { kind: 'found', text }
      : { kind: 'unknown' };
  }

  async remove(id: string, owner: string): Promise<ResponseRemove> {
    const reply = await this.#link.run((client) => removeScript.run(client, this.#keysOf(id), [id, owner]));
    return reply === 'removed' || reply === 'unknown' ? reply : 'unavailable';
  }

  async usage(): Promise<ResponseUsage | undefined> {
    const [expiry, bytes] = this.#keys.responses;
    const reply = await this.#link.run((client) => Promise.all([client.zcard(expiry), client.hget(bytes, '*')]));
    return reply && { count: reply[0], bytes: Number(reply[1] ?? 0) };
  }

  #keysOf(id: string): readonly string[] {
    return [...this.#keys.responses, this.#keys.response(id)];
  }
}
