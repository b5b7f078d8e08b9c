import { assert } from '@sluice/shared';
import type { FleetKeys } from '../fleet-keys.js';
import {
  type JournalAddition,
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

/**
 * Appends to many streams: KEYS has the two keys of each in turn. ARGV: most bytes of a stream, milliseconds to keep, then for
 * each stream the index of the first entry given, the writer's term, the number of entries, and the entries. A stream whose
 * keys hold something else spoils none of the others.
 */
const appendScript = new RedisScript(`local function append(state, list, at)
  local known = redis.call('HMGET', state, 'first', 'bytes', 'ended', 'term')
  if tonumber(ARGV[at + 1]) < (tonumber(known[4]) or 0) then return 'taken' end
  if known[3] then return 'ended' end
  local first, bytes = tonumber(known[1]) or 0, tonumber(known[2]) or 0
  local next = first + redis.call('LLEN', list)
  local from = tonumber(ARGV[at])
  if from > next then return 'gap' end
  for i = at + 3 + next - from, at + 2 + ARGV[at + 2] do
    redis.call('RPUSH', list, ARGV[i])
    bytes = bytes + #ARGV[i]
  end
  while bytes > tonumber(ARGV[1]) do
    local entry = redis.call('LPOP', list)
    if not entry then break end
    bytes = bytes - #entry
    first = first + 1
  end
  redis.call('HSET', state, 'v', 1, 'first', first, 'bytes', bytes)
  redis.call('PEXPIRE', state, ARGV[2])
  redis.call('PEXPIRE', list, ARGV[2])
  return 'written'
end
local reply, at = {}, 3
for stream = 1, #KEYS / 2 do
  local isDone, outcome = pcall(append, KEYS[2 * stream - 1], KEYS[2 * stream], at)
  reply[stream] = isDone and outcome or 'failed'
  at = at + 3 + ARGV[at + 2]
end
return reply`);

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

/** Streams of one command, and UTF-16 units of their entries: so much keeps Redis from others for a millisecond or two. */
const batchStreamsMax = 64;
const batchUnitsMax = 2 ** 18;

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
    const [outcome] = await this.appendAll([{ streamId, fromIndex, entries, term }]);
    return outcome ?? 'unavailable';
  }

  async appendAll(additions: readonly JournalAddition[]): Promise<readonly JournalAppend[]> {
    const outcomes = await Promise.all(batchesOf(additions).map((batch) => this.#appendBatch(batch)));
    return outcomes.flat();
  }

  async #appendBatch(additions: readonly JournalAddition[]): Promise<readonly JournalAppend[]> {
    const { streamBytesMax, expireMs } = this.#limits;
    const keys: string[] = [];
    const values: (string | number)[] = [streamBytesMax, expireMs];
    for (const { streamId, fromIndex, entries, term } of additions) {
      assert(Number.isInteger(fromIndex) && fromIndex >= 0, `journal index ${fromIndex}`);
      keys.push(...this.#keys.journal(streamId));
      values.push(fromIndex, term, entries.length);
      for (const entry of entries) values.push(entry);
    }
    const reply = await this.#link.run((client) => appendScript.run(client, keys, values));
    const outcomes: readonly unknown[] = Array.isArray(reply) ? reply : [];
    return additions.map((_, index) => appendReplies.find((known) => known === outcomes[index]) ?? 'unavailable');
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

/** In their order; what is too large for any command has one for itself. */
function batchesOf(additions: readonly JournalAddition[]): readonly (readonly JournalAddition[])[] {
  const batches: JournalAddition[][] = [];
  let unitsLeft = 0;
  for (const addition of additions) {
    const units = addition.entries.reduce((sum, entry) => sum + entry.length, 0);
    const last = batches.at(-1);
    if (last === undefined || last.length === batchStreamsMax || units > unitsLeft) {
      batches.push([addition]);
      unitsLeft = batchUnitsMax - units;
    } else {
      last.push(addition);
      unitsLeft -= units;
    }
  }
  return batches;
}
