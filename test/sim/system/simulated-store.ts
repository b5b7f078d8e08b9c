import type { Clock } from '@sluice/shared';
import {
  type FleetStore,
  type FleetView,
  type JournalStore,
  type LimitStore,
  type LoadStore,
  memoryStore,
} from '@sluice/store';

/** Milliseconds that a command takes, and after which one without an answer is given up, as over Redis. */
const COMMAND_MS = 1;
const GIVE_UP_MS = 250;

/** The server of a fleet's store: what all gateways and workers reach, or none of them does. */
export class SimulatedStore {
  readonly #clock: Clock;
  #shared: FleetStore;
  isAway = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#shared = memoryStore(clock);
  }

  /** Everything in it is gone. */
  flush(): void {
    this.#shared = memoryStore(this.#clock);
  }

  /** The store as one process sees it: late, and with what LoadStore and LimitStore promise where it is out of reach. */
  linkFor(process: Clock): Pick<FleetStore, 'loads' | 'limits' | 'responses' | 'journals'> {
    const { limits: own, responses } = memoryStore(process);
    const run = async <T>(command: (store: FleetStore) => Promise<T>): Promise<T | undefined> => {
      const isLost = this.isAway;
      await new Promise<void>((resolve) => process.after(isLost ? GIVE_UP_MS : COMMAND_MS, resolve));
      return isLost || this.isAway ? undefined : command(this.#shared);
    };
    let seen: { readonly view: FleetView; readonly atMs: number } | undefined;
    const loads: LoadStore = {
      putWorker: async (worker) => (await run((store) => store.loads.putWorker(worker))) ?? false,
      removeWorker: async (id, epoch) => (await run((store) => store.loads.removeWorker(id, epoch))) ?? false,
      putGateway: async (gateway) => (await run((store) => store.loads.putGateway(gateway))) ?? false,
      removeGateway: async (id, epoch) => (await run((store) => store.loads.removeGateway(id, epoch))) ?? false,
      read: async () => {
        const view = await run((store) => store.loads.read());
        if (view !== undefined) seen = { view, atMs: process.nowMs() };
        if (seen === undefined) return { workers: [], gateways: [], ageMs: undefined };
        return { ...seen.view, ageMs: process.nowMs() - seen.atMs };
      },
    };
    const limits: LimitStore = {
      reserve: async (claims) => (await run((store) => store.limits.reserve(claims))) ?? own.reserve(claims),
      settle: async (settlements) => {
        await run((store) => store.limits.settle(settlements));
      },
    };
    const unavailable = { kind: 'unavailable' } as const;
    const journals: JournalStore = {
      append: async (...given) => (await run((store) => store.journals.append(...given))) ?? 'unavailable',
      appendAll: async (additions) =>
        (await run((store) => store.journals.appendAll(additions))) ?? additions.map(() => 'unavailable'),
      take: async (streamId) => (await run((store) => store.journals.take(streamId))) ?? unavailable,
      end: async (streamId) => (await run((store) => store.journals.end(streamId))) ?? false,
      read: async (...given) => (await run((store) => store.journals.read(...given))) ?? unavailable,
      remove: async (streamId) => {
        await run((store) => store.journals.remove(streamId));
      },
    };
    return { loads, limits, responses, journals };
  }
}
