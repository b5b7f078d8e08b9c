import type { Clock } from '@sluice/shared';
import type { FleetKeys, MemberKind } from '../fleet-keys.js';
import {
  type FleetView,
  type GatewayRecord,
  type Known,
  type LoadStore,
  membersMax,
  type WorkerRecord,
} from '../load-store.js';
import { gatewayCodec, type RecordCodec, workerCodec } from '../record-codec.js';
import type { RedisLink } from './redis-link.js';
import { RedisScript } from './redis-script.js';

/** Milliseconds after the last heartbeat of anybody at which a fleet leaves no trace. */
const forgetMs = 3_600_000;

// In all of them: KEYS are the expiries by id and the records by id, and time is the server's.
const now = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** ARGV: id, record, milliseconds to stay, most members, milliseconds to keep the keys. The record's time is in front. */
const putScript = new RedisScript(`${now}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%d', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1`);

/** ARGV: id, epoch. */
const removeScript = new RedisScript(`local record = redis.call('HGET', KEYS[2], ARGV[1])
local epoch = record and string.match(record, '^%d+ (%S+) ')
if epoch ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1`);

/** Takes the expired out, some at a time, and answers with the time and the records of the rest. */
const readScript = new RedisScript(`${now}
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
if #gone > 0 then
  redis.call('ZREM', KEYS[1], unpack(gone))
  redis.call('HDEL', KEYS[2], unpack(gone))
end
local reply = {string.format('%d', now)}
local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
for first = 1, #ids, 1000 do
  local some = {unpack(ids, first, math.min(#ids, first + 999))}
  for _, record in ipairs(redis.call('HMGET', KEYS[2], unpack(some))) do reply[#reply + 1] = record or '' end
end
return reply`);

interface Member {
  readonly id: string;
  readonly epoch: string;
}

/** The fleet in Redis: of each kind of members one set of expiries and one hash of records, changed together. */
export class RedisLoadStore implements LoadStore {
  readonly #link: RedisLink;
  readonly #keys: FleetKeys;
  readonly #expireMs: number;
  readonly #clock: Clock;
  #last: { readonly view: FleetView; readonly readMs: number } | undefined;

  constructor(link: RedisLink, keys: FleetKeys, expireMs: number, clock: Clock) {
    this.#link = link;
    this.#keys = keys;
    this.#expireMs = expireMs;
    this.#clock = clock;
  }

  putWorker(worker: WorkerRecord): Promise<boolean> {
    return this.#put('workers', worker, workerCodec);
  }

  removeWorker(id: string, epoch: string): Promise<boolean> {
    return this.#remove('workers', id, epoch);
  }

  putGateway(gateway: GatewayRecord): Promise<boolean> {
    return this.#put('gateways', gateway, gatewayCodec);
  }

  removeGateway(id: string, epoch: string): Promise<boolean> {
    return this.#remove('gateways', id, epoch);
  }

  async read(): Promise<FleetView> {
    const [workers, gateways] = await Promise.all([
      this.#list('workers', workerCodec),
      this.#list('gateways', gatewayCodec),
    ]);
    const nowMs = this.#clock.nowMs();
    if (workers !== undefined && gateways !== undefined) {
      this.#last = { view: { workers, gateways, ageMs: 0 }, readMs: nowMs };
    }
    if (this.#last === undefined) return { workers: [], gateways: [], ageMs: undefined };
    return { ...this.#last.view, ageMs: nowMs - this.#last.readMs };
  }

  async #put<M extends Member>(kind: MemberKind, member: M, codec: RecordCodec<M>): Promise<boolean> {
    const values = [member.id, `${member.epoch} ${codec.encode(member)}`, this.#expireMs, membersMax, forgetMs];
    return (await this.#link.run((client) => putScript.run(client, this.#keys.members(kind), values))) === 1;
  }

  async #remove(kind: MemberKind, id: string, epoch: string): Promise<boolean> {
    return (await this.#link.run((client) => removeScript.run(client, this.#keys.members(kind), [id, epoch]))) === 1;
  }

  async #list<M extends Member>(kind: MemberKind, codec: RecordCodec<M>): Promise<readonly Known<M>[] | undefined> {
    const reply = await this.#link.run((client) => readScript.run(client, this.#keys.members(kind), []));
    if (!Array.isArray(reply)) return undefined;
    const [nowMs, ...records] = reply.map(String);
    const members = records.map((record) => parseRecord(record, Number(nowMs), codec));
    const known = members.filter((member) => member !== undefined);
    this.#link.countUnreadable(records.length - known.length, `records of ${kind} that cannot be read are left out`);
    return known.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function parseRecord<M extends Member>(record: string, nowMs: number, codec: RecordCodec<M>): Known<M> | undefined {
  const [, heardMs, epoch, text] = /^(\d+) (\S+) (.*)$/s.exec(record) ?? [];
  const member = text === undefined ? undefined : codec.decode(text);
  if (member === undefined || member.epoch !== epoch) return undefined;
  return { ...member, heardAgoMs: Math.max(0, nowMs - Number(heardMs)) };
}
