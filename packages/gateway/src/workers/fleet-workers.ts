import type { ModelInfo } from '@sluice/proto';
import type { Clock, LoadState, Logger } from '@sluice/shared';
import type { Worker } from './worker.js';
import { parseWorkerAddress } from './worker-address.js';
import type { WorkerSet } from './worker-set.js';

/** Who says that a worker is there: the command line, Redis, DNS, or an admin's call. */
export type WorkerSource = 'static' | 'redis' | 'dns' | 'admin';

export interface FleetWorkersParts {
  /** A connection that has not been started. Its id is the address. */
  readonly connect: (address: string) => Worker;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an operator sees of a worker. */
export interface WorkerListing {
  readonly address: string;
  readonly sources: readonly WorkerSource[];
  readonly isAttached: boolean;
  readonly isReady: boolean;
  readonly models: readonly string[];
  readonly requestsInFlight: number;
  /** What it pushed last; before it was attached, what it announced. */
  readonly load: LoadState | undefined;
}

/** What a worker says of itself where all of the fleet can read it. */
export interface AnnouncedWorker {
  readonly address: string;
  readonly model: string;
  readonly load: LoadState;
}

interface Member {
  readonly connection: Worker;
  readonly sources: Set<WorkerSource>;
}

/** Workers of one gateway, each with a stream of its own; those beyond are not attached to. */
export const workersMax = 4_096;
/** How long a model is known after its last worker was taken out, milliseconds, and how many are. */
const departedMs = 3_600_000;
const departedMax = 64;
/** Milliseconds between two looks at those who are about to go. */
const sweepMs = 500;

/**
 * Workers that come and go while the gateway runs. A worker is there as long as somebody says so **or its stream is
 * alive**: a stream that brings frames is a better witness than a key that expired or a name that resolved otherwise.
 * Only an admin takes an attached worker out: it gets no new requests, and its stream ends with its last one.
 */
export class FleetWorkers implements WorkerSet {
  readonly #parts: FleetWorkersParts;
  readonly #members = new Map<string, Member>();
  /** Taken out by an admin, and still busy. */
  readonly #leaving = new Set<Worker>();
  /** Taken out by an admin, whatever others say, until an admin puts them back. */
  readonly #barred = new Set<string>();
  readonly #departed = new Map<string, { readonly model: ModelInfo; readonly leftMs: number }>();
  #announced: ReadonlyMap<string, AnnouncedWorker> = new Map();
  #workers: readonly Worker[] = [];
  #isClosed = false;
  #isFull = false;
  #stopSweep: (() => void) | undefined;

  constructor(parts: FleetWorkersParts) {
    this.#parts = parts;
  }

  get workers(): readonly Worker[] {
    return this.#workers;
  }

  get departedModels(): readonly ModelInfo[] {
    const sinceMs = this.#parts.clock.nowMs() - departedMs;
    return [...this.#departed.values()].filter(({ leftMs }) => leftMs >= sinceMs).map(({ model }) => model);
  }

  /** The workers that a source names now, all of them; those it named before and does not name now it gives up. */
  offer(source: WorkerSource, addresses: readonly string[]): void {
    if (this.#isClosed) return;
    const named = new Set(addresses);
    for (const [address, { sources }] of this.#members) if (!named.has(address)) sources.delete(source);
    for (const address of named) if (!this.#barred.has(address)) this.#add(source, address);
    this.#sweep();
  }

  /** As {@link offer} from Redis, with what the workers say of themselves. */
  announce(workers: readonly AnnouncedWorker[]): void {
    // What is in Redis may be anybody's.
    const known = workers.filter(({ address }) => parseWorkerAddress(address) === address);
    this.#announced = new Map(known.map((worker) => [worker.address, worker]));
    this.offer(
      'redis',
      known.map(({ address }) => address),
    );
  }

  /** An admin's word. @returns false when there are {@link workersMax} already. */
  add(address: string): boolean {
    this.#barred.delete(address);
    return !this.#isClosed && this.#add('admin', address);
  }

  /** An admin's word, against that of all others. @returns whether there was such a worker. */
  remove(address: string): boolean {
    const member = this.#members.get(address);
    if (member === undefined) return false;
    if (this.#barred.size < workersMax) this.#barred.add(address);
    this.#leaving.add(member.connection);
    this.#drop(address, member, 'an admin took it out');
    this.#sweep();
    return true;
  }

  /** As {@link remove}, and also for one that somebody may name later. */
  bar(address: string): void {
    if (!this.remove(address) && this.#barred.size < workersMax) this.#barred.add(address);
  }

  list(): readonly WorkerListing[] {
    return [...this.#members].map(([address, { connection, sources }]) => ({
      address,
      sources: [...sources].sort(),
      isAttached: connection.isAttached,
      isReady: connection.isReady,
      models: this.#modelsOf(address, connection),
      requestsInFlight: connection.requestsInFlight,
      load: connection.view?.load ?? this.#announced.get(address)?.load,
    }));
  }

  close(): void {
    this.#isClosed = true;
    this.#stopSweep?.();
    for (const worker of [...this.#workers, ...this.#leaving]) worker.close();
  }

  #modelsOf(address: string, { models }: Worker): readonly string[] {
    const announced = this.#announced.get(address);
    return models.length === 0 && announced !== undefined ? [announced.model] : models.map(({ name }) => name);
  }

  #add(source: WorkerSource, address: string): boolean {
    const member = this.#members.get(address);
    if (member !== undefined) {
      member.sources.add(source);
      return true;
    }
    const wasFull = this.#isFull;
    this.#isFull = this.#members.size >= workersMax;
    if (this.#isFull) {
      if (!wasFull) this.#parts.log.warn({ worker: address, workersMax }, 'more workers than a gateway attaches to');
      return false;
    }
    const connection = this.#parts.connect(address);
    this.#members.set(address, { connection, sources: new Set([source]) });
    this.#workers = [...this.#workers, connection];
    this.#parts.log.info({ worker: address, source }, 'worker added');
    connection.start();
    return true;
  }

  #drop(address: string, { connection }: Member, reason: string): void {
    const { clock, log } = this.#parts;
    this.#members.delete(address);
    this.#workers = this.#workers.filter((each) => each !== connection);
    for (const model of connection.models) {
      this.#departed.delete(model.name);
      this.#departed.set(model.name, { model, leftMs: clock.nowMs() });
      const [oldest] = this.#departed.keys();
      if (this.#departed.size > departedMax && oldest !== undefined) this.#departed.delete(oldest);
    }
    log.info({ worker: address, reason }, 'worker removed');
  }

  /** Lets those go whom nobody names and whose stream is gone, and looks again while there are some to watch. */
  #sweep(): void {
    for (const [address, member] of this.#members) {
      if (member.sources.size > 0 || member.connection.isAttached) continue;
      this.#drop(address, member, 'nobody names it, and it is not attached');
      member.connection.close();
    }
    for (const worker of this.#leaving) {
      if (worker.isAttached && worker.requestsInFlight > 0) continue;
      this.#leaving.delete(worker);
      worker.close();
    }
    const isWatching = this.#leaving.size > 0 || [...this.#members.values()].some(({ sources }) => sources.size === 0);
    if (!isWatching || this.#stopSweep !== undefined) return;
    this.#stopSweep = this.#parts.clock.after(sweepMs, () => {
      this.#stopSweep = undefined;
      this.#sweep();
    });
  }
}
