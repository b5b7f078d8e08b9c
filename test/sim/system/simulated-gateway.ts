import { type Logger, seededRng } from '@sluice/shared';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import type { Admission } from '../../../packages/gateway/src/admission/admission.js';
import type { Gateway } from '../../../packages/gateway/src/gateway.js';
import type { StreamJournals } from '../../../packages/gateway/src/streams/stream-journals.js';
import { defaultCircuit } from '../../../packages/gateway/src/workers/circuit-breaker.js';
import type { FleetMembership } from '../../../packages/gateway/src/workers/fleet-membership.js';
import type { FleetWorkers } from '../../../packages/gateway/src/workers/fleet-workers.js';
import type { Worker } from '../../../packages/gateway/src/workers/worker.js';
import type { WorkerDialer } from '../../../packages/gateway/src/workers/worker-stream.js';
import type { SystemSubject } from './run-system.js';
import { type ClientParts, type Door, SimulatedClient } from './simulated-client.js';
import { keysOf } from './simulated-keys.js';
import { SimulatedProcess } from './simulated-process.js';
import type { SimulatedStore } from './simulated-store.js';
import type { SimulatedUpstream } from './simulated-upstream.js';
import type { GatewayRest, SystemEntry } from './system-history.js';
import type { AskedRequest, GatewaySizes, SystemScenario } from './system-scenario.js';
import { tapUpstream } from './upstream-tap.js';

export interface SimulatedGatewayParts {
  readonly index: number;
  readonly sizes: GatewaySizes;
  readonly scenario: SystemScenario;
  readonly clock: SimulatedClock;
  readonly store: SimulatedStore;
  readonly log: Logger;
  readonly subject: SystemSubject;
  readonly record: (entry: SystemEntry) => void;
  /** Of workers of ours. */
  readonly addresses: readonly string[];
  readonly upstreams: readonly SimulatedUpstream[];
  /** Of the process that asks, to a worker. */
  readonly dial: (process: SimulatedProcess, address: string) => WorkerDialer;
  readonly onDeath: () => void;
  /** Where clients go that have lost their connection to this one, the first time and others. */
  readonly otherGateway: (attempt: number) => SimulatedGateway;
}

interface GatewayRun {
  readonly process: SimulatedProcess;
  readonly app: ReturnType<SystemSubject['createApp']>;
  readonly admission: Admission;
  readonly gateway: Gateway;
  readonly workers: FleetWorkers;
  readonly membership: FleetMembership | undefined;
  readonly journals: StreamJournals | undefined;
  readonly clients: Set<SimulatedClient>;
  isClosing: boolean;
}

/** Quicker than where people wait for it, so that a run shows all of its states. */
const circuit = { ...defaultCircuit, openMs: 1_000, openMsMax: 4_000 };
const patience = { silenceMs: 1_500, backoff: { firstMs: 100, maxMs: 2_000 }, circuit };

/** One place at which processes of a gateway come and go. */
export class SimulatedGateway {
  readonly #parts: SimulatedGatewayParts;
  #run: GatewayRun | undefined;
  #starts = 0;

  constructor(parts: SimulatedGatewayParts) {
    this.#parts = parts;
  }

  /** Of all that it may send requests to. */
  get #addresses(): readonly string[] {
    return [...this.#parts.addresses, ...this.#parts.upstreams.map(({ address }) => address)];
  }

  get workers(): FleetWorkers | undefined {
    return this.#run?.workers;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  async start(): Promise<void> {
    if (this.#run !== undefined) return;
    this.#starts += 1;
    this.#run = this.#compose();
    await this.#run.app.ready();
  }

  /** Does nothing where nobody takes connections. */
  ask(request: AskedRequest): void {
    const { clock, record, otherGateway } = this.#parts;
    const run = this.#run;
    if (run === undefined || run.isClosing) return;
    const otherDoor: ClientParts['otherDoor'] = (client, attempt) => otherGateway(attempt).open(client);
    new SimulatedClient({ clock, record, request, otherDoor }, (client) => this.#enter(run, client));
  }

  /** For one more connection of a client; undefined where nobody takes it. */
  open(client: SimulatedClient): Door | undefined {
    const run = this.#run;
    return run === undefined || run.isClosing ? undefined : this.#enter(run, client);
  }

  #enter({ process, app, clients }: GatewayRun, client: SimulatedClient): Door {
    clients.add(client);
    return { gateway: this.#parts.index, process, server: app.server, onLeft: () => clients.delete(client) };
  }

  pause(): void {
    this.#run?.process.pause();
  }

  resume(): void {
    this.#run?.process.resume();
  }

  kill(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    run.process.kill();
    for (const client of [...run.clients]) client.cut();
    this.#parts.onDeath();
  }

  /** As a gateway closes (io/start-gateway.ts); resolves when its process has ended. */
  async close(withinMs: number): Promise<void> {
    const run = this.#run;
    if (run === undefined || run.isClosing) return;
    run.isClosing = true;
    await run.membership?.leave();
    await run.gateway.drain(withinMs);
    if (this.#run !== run) return;
    for (const client of [...run.clients]) client.disconnect();
    await run.journals?.close();
    // Connections say that they are closed when everything else has been done.
    await new Promise((resolve) => setImmediate(resolve));
    run.workers.close();
    this.#run = undefined;
    this.#parts.record({ kind: 'closed', process: `gateway ${this.#parts.index}`, timers: run.process.timers });
    run.process.kill();
    this.#parts.onDeath();
  }

  rest(): GatewayRest | undefined {
    if (this.#run === undefined) return undefined;
    const { admission, gateway, workers } = this.#run;
    return {
      gateway: this.#parts.index,
      requests: admission.requests,
      bodyBytes: admission.bodyBytes,
      queued: gateway.queue.requests,
      queuedTokens: gateway.queue.tokens,
      quotes: gateway.quotes.held + gateway.quotes.broken,
      workers: workers.workers.map((worker) => ({
        worker: this.#addresses.indexOf(worker.id),
        isReady: worker.isReady,
        circuit: worker.circuitState,
        inFlight: worker.requestsInFlight,
        unreportedRequests: worker.view?.unreportedRequests ?? 0,
        unreportedTokens: worker.view?.unreportedTokens ?? 0,
      })),
    };
  }

  #compose(): GatewayRun {
    const { index, sizes, scenario, clock, store, log, subject, upstreams, dial } = this.#parts;
    const process = new SimulatedProcess(clock);
    const rng = seededRng(scenario.seed, 8_000_000 + 100 * index + this.#starts);
    const gatewayId = `gateway-${index}.${this.#starts}`;
    const made: { gateway?: Gateway } = {};
    const { record: told } = this.#parts;
    let streams = 0;
    const connect = (address: string): Worker => {
      const common = { id: address, clock: process, rng, log, onLoad: () => made.gateway?.letIn() };
      const upstream = upstreams.find((one) => one.address === address);
      if (upstream === undefined) {
        const dialer = dial(process, address);
        return new subject.WorkerConnection({ ...common, gatewayId, dialer }, { ...patience, unsentMax: 64 });
      }
      const client = upstream.clientOf(index, process);
      const { connectionsMax: requestsMax } = upstream.sizes;
      const options = { ...patience, firstTextMs: 4_000, gapMs: 2_500, requestsMax };
      const at = { gateway: index, worker: this.#addresses.indexOf(address) };
      return tapUpstream(new subject.HttpWorker({ ...common, client }, options), { ...at, client, record: told });
    };
    const link = store.linkFor(process);
    const admission = new subject.Admission({ requestsMax: sizes.requestsMax, bodyBytesMax: 2 ** 20 });
    const workers = new subject.FleetWorkers({ connect, clock: process, log });
    const named = upstreams.map(({ address }) => address);
    workers.offer('static', scenario.membership === 'static' ? this.#addresses : named);
    const metrics = subject.createMetrics(workers, admission);
    const policy = subject.createRouting(sizes.routing, rng);
    const prefixes = new subject.PrefixIndex(2 ** 20);
    const routing = new subject.Routing({
      policy,
      prefixes,
      metrics: subject.createRoutingMetrics(metrics.registry, policy.name, prefixes),
    });
    const newStreamId = (): string => `${index}.${this.#starts}.${streams++}`.replaceAll('.', '-').padEnd(22, '_');
    const journals = scenario.hasJournals
      ? new subject.StreamJournals({ store: link.journals, clock: process, newStreamId })
      : undefined;
    const gateway = new subject.Gateway({
      workers,
      routing,
      admission,
      metrics,
      clock: process,
      rng,
      resumeWaitMs: sizes.resumeWaitMs,
      limits: link.limits,
      journals,
      responses: link.responses,
      contentChecks: [],
      queueLimits: { requestsMax: sizes.queueRequestsMax, tokensMax: 1_000_000 },
      queueMsMax: sizes.queueMsMax,
    });
    made.gateway = gateway;
    const apiKeys = scenario.callers && (() => callerKeys);
    const callerKeys = keysOf(scenario.callers ?? []);
    const gatekeeper = new subject.Gatekeeper({ apiKeys, tokens: undefined, clock: process });
    const app = subject.createApp({
      gateway,
      workers,
      adminAccess: subject.adminAccess(undefined, gatekeeper),
      gatekeeper,
      corsOrigins: new Set(),
      admission,
      metrics,
      metricsText: () => metrics.registry.metrics(),
      onWorkerChange: () => {},
      areSiblingsReady: async () => true,
      clock: process,
      rng,
      log,
      version: 'simulated',
      bodyBytesMax: 2 ** 20,
      connectionsMax: 1_000,
      replyLimits: { bufferBytesMax: sizes.replyBufferBytesMax, flushMs: 5_000, lingerMs: 1_000 },
    });
    const record = () => ({
      id: gatewayId,
      url: `http://${gatewayId}`,
      epoch: gatewayId,
      requestsInFlight: admission.requests,
    });
    const fleet = { loads: link.loads } as Parameters<typeof subject.joinFleet>[0]['store'];
    const membership =
      scenario.membership === 'store'
        ? subject.joinFleet({ store: fleet, workers, clock: process, rng, record })
        : undefined;
    return {
      process,
      app,
      admission,
      gateway,
      workers,
      membership,
      journals,
      clients: new Set(),
      isClosing: false,
    };
  }
}
