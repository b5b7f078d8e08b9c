import type { Clock } from '@sluice/shared';
import {
  type FleetView,
  type GatewayRecord,
  type Known,
  type LoadStore,
  memberExpireMs,
  membersMax,
  type WorkerRecord,
} from './load-store.js';

/** A fleet inside one process: the simulator's, and the twin that the one in Redis is held against. */
export class MemoryLoadStore implements LoadStore {
  readonly #clock: Clock;
  readonly #workers: Members<WorkerRecord>;
  readonly #gateways: Members<GatewayRecord>;

  constructor(clock: Clock, expireMs = memberExpireMs) {
    this.#clock = clock;
    this.#workers = new Members(expireMs);
    this.#gateways = new Members(expireMs);
  }

  async putWorker(worker: WorkerRecord): Promise<boolean> {
    return this.#workers.put(worker, this.#clock.wallMs());
  }

  async removeWorker(id: string, epoch: string): Promise<boolean> {
    return this.#workers.remove(id, epoch);
  }

  async putGateway(gateway: GatewayRecord): Promise<boolean> {
    return this.#gateways.put(gateway, this.#clock.wallMs());
  }

  async removeGateway(id: string, epoch: string): Promise<boolean> {
    return this.#gateways.remove(id, epoch);
  }

  async read(): Promise<FleetView> {
    const nowMs = this.#clock.wallMs();
    return { workers: this.#workers.list(nowMs), gateways: this.#gateways.list(nowMs), ageMs: 0 };
  }
}

class Members<Member extends { readonly id: string; readonly epoch: string }> {
  readonly #expireMs: number;
  readonly #members = new Map<string, { readonly member: Member; readonly heardMs: number }>();

  constructor(expireMs: number) {
    this.#expireMs = expireMs;
  }

  put(member: Member, nowMs: number): boolean {
    this.#expire(nowMs);
    if (!this.#members.has(member.id) && this.#members.size >= membersMax) return false;
    this.#members.set(member.id, { member, heardMs: nowMs });
    return true;
  }

  remove(id: string, epoch: string): boolean {
    return this.#members.get(id)?.member.epoch === epoch && this.#members.delete(id);
  }

  list(nowMs: number): readonly Known<Member>[] {
    this.#expire(nowMs);
    return [...this.#members.values()]
      .map(({ member, heardMs }) => ({ ...member, heardAgoMs: Math.max(0, nowMs - heardMs) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #expire(nowMs: number): void {
    for (const [id, { heardMs }] of this.#members) {
      if (nowMs - heardMs >= this.#expireMs) this.#members.delete(id);
    }
  }
}
