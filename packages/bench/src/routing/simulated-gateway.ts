import {
  createRouting,
  PrefixIndex,
  type RoutableWorker,
  Routing,
  type RoutingName,
  type WorkerView,
} from '@sluice/gateway';
import { assert, type Clock, type LoadState, seededRng } from '@sluice/shared';
import type { PlacementTally } from './placement-tally.js';
import type { SimulatedWorker } from './simulated-worker.js';
import type { WorkloadRequest } from './workload.js';

const PREFIX_BYTES_MAX = 2 ** 23;

/** What a gateway knows of a worker: what it was told last, and what it sent there since. */
interface KnownWorker extends RoutableWorker {
  readonly worker: SimulatedWorker;
  view: WorkerView & { load: LoadState; unreportedRequests: number; unreportedTokens: number };
  heardMs: number;
}

/** The gateway's own routing in front of simulated workers. */
export class SimulatedGateway {
  readonly #routing: Routing;
  readonly #known: readonly KnownWorker[];
  readonly #clock: Clock;
  readonly #tally: PlacementTally;

  /** @param number from 0 up; decides the random numbers. */
  constructor(
    name: RoutingName,
    number: number,
    workers: readonly SimulatedWorker[],
    parts: { readonly clock: Clock; readonly tally: PlacementTally },
  ) {
    this.#clock = parts.clock;
    this.#tally = parts.tally;
    this.#routing = new Routing({
      policy: createRouting(name, seededRng(1, number)),
      prefixes: new PrefixIndex(PREFIX_BYTES_MAX),
      metrics: {
        countChoice: () => {},
        countPrediction: (ratio) => parts.tally.addPrediction(ratio),
        forget: () => {},
      },
    });
    this.#known = workers.map((worker) => ({
      id: worker.id,
      epoch: 'first',
      isAttached: true,
      countsCached: true,
      worker,
      view: { id: worker.id, load: worker.load, unreportedRequests: 0, unreportedTokens: 0 },
      heardMs: 0,
    }));
  }

  serve(id: string, request: WorkloadRequest): void {
    const { policy } = this.#routing;
    const arrivalMs = this.#clock.nowMs();
    const prompt = { kind: 'tokens', tokenIds: request.promptIds } as const;
    const routed = this.#routing.describe({ workers: this.#known }, 'model', prompt, request.session);
    const chosen = policy.choose(
      this.#known.map(({ view }) => view),
      routed,
    );
    const known = this.#known.find((each) => each.id === chosen);
    assert(known !== undefined, `policy ${policy.name} chose ${chosen}, which is not there`);
    const { listener, uncachedTokens } = this.#routing.send(known, routed, silent, arrivalMs);
    known.view.unreportedRequests += 1;
    known.view.unreportedTokens += uncachedTokens;
    let cached: number | undefined;
    known.worker.submit(id, request, {
      gateway: this,
      onToken: (cachedTokens) => {
        if (cached !== undefined) return;
        cached = cachedTokens;
        this.#tally.addFirst(this.#clock.nowMs() - arrivalMs);
        listener.onEvent({ tokenIds: [0] }, this.#clock.nowMs());
      },
      onEnd: () => {
        this.#tally.addEnd(this.#known.indexOf(known), request.promptIds.length, cached ?? 0);
        listener.onEvent({ tokenIds: [], finished: { cachedTokens: cached ?? 0 } }, this.#clock.nowMs());
      },
    });
  }

  /** A frame of this worker comes. */
  hear(worker: SimulatedWorker): void {
    const known = this.#known.find((each) => each.worker === worker);
    if (known !== undefined) this.#tell(known);
  }

  /** Workers that have said nothing for `silentMs` say how they stand. */
  hearSilent(silentMs: number): void {
    const beforeMs = this.#clock.nowMs() - silentMs;
    for (const known of this.#known) if (known.heardMs <= beforeMs) this.#tell(known);
  }

  #tell(known: KnownWorker): void {
    known.heardMs = this.#clock.nowMs();
    known.view = { id: known.id, load: known.worker.load, unreportedRequests: 0, unreportedTokens: 0 };
  }
}

const silent = { onEvent: () => {}, onLost: () => {} };
