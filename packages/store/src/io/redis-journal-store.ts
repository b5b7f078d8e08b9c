import { assert } from '@sluice/shared';
import type { FleetKeys } from '../fleet-keys.js';
import {
  type JournalAppend,
  type JournalLimits,
  type JournalRead,
  type JournalStore,
  type JournalTake,
  journalReadMax,
} from '../journal-store.js';
import type { RedisLink } from './redis-link.js';
import { RedisScript } from './redis-script.js';

// In all of them KEYS are a hash (first: index of the first entry left, bytes: of all entries, ended, term: of its writer)
// and a list of the entries.

/** ARGV: index of the first entry given, most bytes, milliseconds to keep, the writer's term, entries. */
const appendScript = new RedisScript(`local state = redis.call('HMGET', KEYS[1], 'first', 'bytes', 'ended', 'term')
if tonumber(ARGV[4]) < (tonumber(state[4]) or 0) then return 'taken' end
if state[3] then return 'ended' end
local first, bytes = tonumber(state[1]) or 0, tonumber(state[2]) or 0
local next = first + redis.call('LLEN', KEYS[2])
local from = tonumber(ARGV[1])
if from > next then return 'gap' end
for i = 5 + next - from, #ARGV do
  redis.call('RPUSH', KEYS[2], ARGV[i])
  bytes = bytes + #ARGV[i]
end
while bytes > tonumber(ARGV[2]) do
  local entry = redis.call('LPOP', KEYS[2])
  if not entry then break end
  bytes = bytes - #entry
  first = first + 1
end
redis.call('HSET', KEYS[1], 'v', 1, 'first', first, 'bytes', bytes)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 'written'`);

/** ARGV: milliseconds to keep. */
const takeScript = new RedisScript(`if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return redis.call('HINCRBY', KEYS[1], 'term', 1)`);

/** ARGV: milliseconds to keep. */
const endScript = new RedisScript(`if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'ended', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1`);

/** ARGV: index to read from, most entries. Answers with first index, number of entries, ended, and the entries asked for. */
const readScript = new RedisScript(`local state = redis.call('HMGET', KEYS[1], 'first', 'ended', 'v')
if state[3] ~= '1' then return {} end
local first = tonumber(state[1]) or 0
local reply = {first, redis.call('LLEN', KEYS[2]), state[2] and 1 or 0}
local from = tonumber(ARGV[1]) - first
if from < 0 then return reply end
for _, entry in ipairs(redis.call('LRANGE', KEYS[2], from, from + ARGV[2] - 1)) do reply[#reply + 1] = entry end
return reply`);

const appendReplies = ['written', 'gap', 'ended', 'taken'] as const satisfies readonly JournalAppend[];

export class RedisJournalStore implements JournalStore {
  readonly #link: RedisLink;
  readonly #keys: FleetKeys;
  readonly #limits: JournalLimits;

  constructor(link: RedisLink, keys: FleetKeys, limits: JournalLimits) {
    this.#link = link;
    this.#keys = keys;
    this.#limits = limits;
  }

  async append(streamId: string, fromIndex: number, entries: readonly string[], term = 0): Promise<JournalAppend> {
    assert(Number.isInteger(fromIndex) && fromIndex >= 0, `journal index ${fromIndex}`);
    const { streamBytesMax, expireMs } = this.#limits;
    const reply = await this.#run(appendScript, streamId, [fromIndex, streamBytesMax, expireMs, term, ...entries]);
    return appendReplies.find((known) => known === reply) ?? 'unavailable';
  }

  async take(streamId: string): Promise<JournalTake> {
    const term = await this.#run(takeScript, streamId, [this.#limits.expireMs]);
    if (typeof term !== 'number') return { kind: 'unavailable' };
    return term === 0 ? { kind: 'unknown' } : { kind: 'taken', term };
  }

  async end(streamId: string): Promise<boolean> {
    return (await this.#run(endScript, streamId, [this.#limits.expireMs])) === 1;
  }

  async read(streamId: string, fromIndex: number, entriesMax = journalReadMax): Promise<JournalRead> {
    assert(Number.isInteger(fromIndex) && fromIndex >= 0, `journal index ${fromIndex}`);
    const reply = await this.#run(readScript, streamId, [fromIndex, entriesMax]);
    if (!Array.isArray(reply)) return { kind: 'unavailable' };
    const [firstIndex, count, ended, ...entries] = reply;
    if (typeof firstIndex !== 'number' || typeof count !== 'number') return { kind: 'unknown' };
    if (fromIndex < firstIndex) return { kind: 'trimmed', firstIndex };
    const isLast = fromIndex + entries.length >= firstIndex + count;
    return { kind: 'found', fromIndex, entries: entries.map(String), isEnded: ended === 1 && isLast };
  }

  async remove(streamId: string): Promise<void> {
    await this.#link.run((client) => client.del(...this.#keys.journal(streamId)));
  }

  #run(script: RedisScript, streamId: string, values: readonly (string | number)[]): Promise<unknown> {
    return this.#link.run((client) => script.run(client, this.#keys.journal(streamId), values));
  }
}
