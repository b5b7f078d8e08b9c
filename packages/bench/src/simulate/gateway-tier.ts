import type { RoutingPolicy, WorkerView } from '@sluice/gateway';
import { assert, type Clock, type LoadState } from '@sluice/shared';
import type { SequenceEvent } from '@sluice/worker';
import type { Replica } from './replica.js';
import type { Arrival } from './trace.js';

/** A worker says how it stands after so long without a token for a gateway. */
const IDLE_FRAME_MS = 500;

/** What a gateway knows of a replica: what it was told last, and what it sent there since. */
interface KnownReplica extends WorkerView {
  load: LoadState;
  heardMs: number;
  unreportedRequests: number;
  unreportedTokens: number;
}

interface SimulatedGateway {
  readonly route: RoutingPolicy;
  /** By the replica's index. */
  readonly known: readonly KnownReplica[];
}

/**
 * The gateways in front of a fleet, which get the requests in turn. Each hears how a replica stands with the tokens of the
 * requests that it sent there itself, or after half a second without; what the others sent it knows by then and not before.
 * No two prompts begin alike and no request belongs to a session.
 */
export class GatewayTier {
  readonly #replicas: readonly Replica[];
  readonly #clock: Clock;
  readonly #gateways: readonly SimulatedGateway[];

  /** @param routes one for each gateway, at least one. */
  constructor(replicas: readonly Replica[], routes: readonly RoutingPolicy[], clock: Clock) {
    this.#replicas = replicas;
    this.#clock = clock;
    this.#gateways = routes.map((route) => ({
      route,
      known: replicas.map(({ load }, index) => ({
        id: `${index}`,
        load,
        heardMs: clock.nowMs(),
        unreportedRequests: 0,
        unreportedTokens: 0,
      })),
    }));
  }

  /** Sends a request, by its index among all, to the replica that its gateway chooses. */
  send(request: number, arrival: Arrival): void {
    const { route, known } = this.#gatewayOf(request);
    const { promptTokens } = arrival;
    const id = route.choose(known, {
      promptTokens,
      beginning: undefined,
      session: undefined,
      cachedTokens: nothingCached,
    });
    const chosen = known[Number(id)];
    assert(chosen !== undefined, `policy ${route.name} chose a replica that is not there`);
    chosen.unreportedRequests += 1;
    chosen.unreportedTokens += promptTokens;
    this.#replicas[Number(id)]!.submit(request, arrival);
  }

  /** A replica's step gave these events: whoever gets one of them learns how the replica stands. */
  onEvents(replica: number, events: readonly SequenceEvent[]): void {
    const { load } = this.#replicas[replica]!;
    const [only, ...others] = this.#gateways;
    if (others.length === 0) {
      this.#tell(only!, replica, load);
      return;
    }
    for (const { id } of events) this.#tell(this.#gatewayOf(Number(id)), replica, load);
    const isIdle = load.running + load.waiting === 0;
    const beforeMs = this.#clock.nowMs() - IDLE_FRAME_MS;
    for (const gateway of this.#gateways) {
      // Nothing will happen at an idle replica that could tell them later.
      if (isIdle || gateway.known[replica]!.heardMs <= beforeMs) this.#tell(gateway, replica, load);
    }
  }

  #tell({ known }: SimulatedGateway, replica: number, load: LoadState): void {
    const told = known[replica]!;
    told.load = load;
    told.heardMs = this.#clock.nowMs();
    told.unreportedRequests = 0;
    told.unreportedTokens = 0;
  }

  #gatewayOf(request: number): SimulatedGateway {
    return this.#gateways[request % this.#gateways.length]!;
  }
}

const nothingCached: ReadonlyMap<string, number> = new Map();
