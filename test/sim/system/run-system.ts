import { createLog, seededRng } from '@sluice/shared';
import { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import { SimulatedGateway } from './simulated-gateway.js';
import { Link } from './simulated-network.js';
import type { SimulatedProcess } from './simulated-process.js';
import { SimulatedStore } from './simulated-store.js';
import { SimulatedUpstream } from './simulated-upstream.js';
import { SimulatedWorker } from './simulated-worker.js';
import { StreamTap } from './stream-tap.js';
import type { FleetFault } from './system-faults.js';
import type { SystemEntry, SystemHistory, SystemRecord } from './system-history.js';
import type { SystemScenario } from './system-scenario.js';

/** What is run: gateways and workers as they ship, or a mutant of them. */
export type SystemSubject = typeof import('./subject.js');

const log = createLog('sim');
log.level = 'silent';

/** Behind the last request everything has so long to end; milliseconds. */
const REST_AFTER_MS = 6_000;
/** And so long to close. */
const CLOSE_AFTER_MS = 8_000;
/** Timers called in a row at one moment: more than any step needs. */
const TIMERS_AT_ONCE_MAX = 20_000;

/** Runs a whole fleet to its end in simulated time, in this thread, and says all that happened. */
export async function runSystem(scenario: SystemScenario, subject: SystemSubject): Promise<SystemHistory> {
  const history: SystemRecord[] = [];
  const clock = new SimulatedClock();
  const record = (entry: SystemEntry): void => {
    history.push({ atMs: clock.nowMs(), ...entry });
  };
  const unwatch = watchRejections((message) => record({ kind: 'broken', message }));
  const store = new SimulatedStore(clock);
  /** Of one gateway and one worker; a process that starts again has one of its own. */
  const links = new Map<string, Link[]>();
  const linksOf = (of: (key: string) => boolean): Link[] => [...links].flatMap(([key, ways]) => (of(key) ? ways : []));
  const workers = scenario.workers.map(
    (sizes, index) =>
      new SimulatedWorker({
        index,
        sizes,
        seed: scenario.seed,
        clock,
        store,
        log,
        subject,
        record,
        onDeath: (isTold) => {
          for (const link of linksOf((key) => key.endsWith(`>${index}`))) link.workerDied(isTold);
        },
      }),
  );
  const { seed, latencyMs } = scenario;
  const upstreams = scenario.upstreams.map(
    (sizes, index) => new SimulatedUpstream({ index, sizes, seed, latencyMs, clock }),
  );
  const addresses = workers.map(({ address }) => address);
  const gateways: readonly SimulatedGateway[] = scenario.gateways.map(
    (sizes, index) =>
      new SimulatedGateway({
        index,
        sizes,
        scenario,
        clock,
        store,
        log,
        subject,
        record,
        addresses,
        upstreams,
        dial: (process, address) => linkTo(index, addresses.indexOf(address), process).dialer,
        onDeath: () => {
          for (const link of linksOf((key) => key.startsWith(`${index}>`))) link.gatewayDied();
          for (const upstream of upstreams) upstream.gatewayDied(index);
        },
        otherGateway: (attempt) => gateways[(index + attempt) % gateways.length]!,
      }),
  );
  const silent = new Set<string>();
  const linkTo = (gateway: number, worker: number, process: SimulatedProcess): Link => {
    const key = `${gateway}>${worker}`;
    const link = new Link({
      clock,
      rng: seededRng(scenario.seed, 9_000_000 + links.size + clock.nowMs()),
      latencyMs: scenario.latencyMs,
      gateway: process,
      host: () => workers[worker]?.host,
      tap: new StreamTap(gateway, worker, record),
    });
    if (silent.has(key)) link.silence();
    links.set(key, [...(links.get(key) ?? []), link]);
    return link;
  };
  for (const server of [...workers, ...upstreams]) server.start();
  for (const gateway of gateways) await gateway.start();
  for (const request of [...scenario.requests, ...scenario.afterwards]) {
    clock.after(request.atMs, () => gateways[request.gateway]!.ask(request));
  }
  for (const fault of scenario.faults) {
    clock.after(fault.atMs, () => {
      record({ kind: 'fault', fault });
      if ('upstream' in fault) upstreams[fault.upstream]!.strike(fault);
      else strike(fault, { clock, store, workers, gateways, links, silent });
    });
  }
  const restMs = (scenario.afterwards.at(-1)?.atMs ?? 0) + REST_AFTER_MS;
  clock.after(restMs, () => {
    record({
      kind: 'rest',
      gateways: gateways.flatMap((gateway) => gateway.rest() ?? []),
      workers: workers.flatMap((worker) => worker.rest() ?? []),
      upstreams: upstreams.map(({ requests }, upstream) => ({ upstream, requests })),
    });
    for (const gateway of gateways) void gateway.close(0);
    clock.after(1_000, () => {
      for (const worker of workers) void worker.drain(0);
    });
  });
  await settle();
  let atOnce = 0;
  // What a callback throws ends its process; here that is one record, and the run goes on without it.
  const advance = (): boolean => {
    try {
      return clock.advance();
    } catch (failure) {
      record({ kind: 'broken', message: String(failure) });
      return true;
    }
  };
  for (let lastMs = 0; clock.nowMs() < restMs + CLOSE_AFTER_MS && advance(); lastMs = clock.nowMs()) {
    await settle();
    if (clock.nowMs() > restMs && [...gateways, ...workers].every(({ isRunning }) => !isRunning)) break;
    atOnce = clock.nowMs() === lastMs ? atOnce + 1 : 0;
    if (atOnce < TIMERS_AT_ONCE_MAX) continue;
    record({ kind: 'broken', message: 'timers are called again and again without time going by' });
    break;
  }
  unwatch();
  return history;
}

interface Fleet {
  readonly clock: SimulatedClock;
  readonly store: SimulatedStore;
  readonly workers: readonly SimulatedWorker[];
  readonly gateways: readonly SimulatedGateway[];
  readonly links: ReadonlyMap<string, readonly Link[]>;
  readonly silent: Set<string>;
}

/** Makes something go wrong, and right again when its time is over. */
function strike(fault: FleetFault, fleet: Fleet): void {
  const { clock, store, workers, gateways, links, silent } = fleet;
  const later = (act: () => void): void => {
    clock.after(fault.ms, act);
  };
  const workerOf = (index: number): SimulatedWorker => workers[index]!;
  const gatewayOf = (index: number): SimulatedGateway => gateways[index]!;
  const linksTo = (gateway: number, worker: number): readonly Link[] => links.get(`${gateway}>${worker}`) ?? [];
  switch (fault.kind) {
    case 'kill-worker':
      workerOf(fault.worker).kill(fault.isTold);
      later(() => workerOf(fault.worker).start());
      return;
    case 'hang-worker':
      workerOf(fault.worker).pause();
      later(() => workerOf(fault.worker).resume());
      return;
    case 'drain-worker':
      void workerOf(fault.worker).drain(fault.handOverMs);
      // Whoever looks after it ends a process that does not go by itself.
      clock.after(fault.ms + 2_000, () => {
        workerOf(fault.worker).kill(true);
        workerOf(fault.worker).start();
      });
      return;
    case 'slow-worker':
      workerOf(fault.worker).slowDown(fault.factor);
      later(() => workerOf(fault.worker).slowDown(1));
      return;
    case 'fail-pass':
      workerOf(fault.worker).failPasses(fault.passes);
      later(() => workerOf(fault.worker).failPasses(0));
      return;
    case 'cut':
      for (const link of linksTo(fault.gateway, fault.worker)) link.cut();
      return;
    case 'silence': {
      const key = `${fault.gateway}>${fault.worker}`;
      silent.add(key);
      for (const link of linksTo(fault.gateway, fault.worker)) link.silence();
      later(() => {
        silent.delete(key);
        for (const link of linksTo(fault.gateway, fault.worker)) link.heal();
      });
      return;
    }
    case 'swallow-frame':
    case 'garble-frame':
      for (const link of linksTo(fault.gateway, fault.worker)) link.damagesNext = fault.kind;
      later(() => {
        for (const link of linksTo(fault.gateway, fault.worker)) link.damagesNext = undefined;
      });
      return;
    case 'drain-gateway':
      void gatewayOf(fault.gateway).close(fault.withinMs);
      clock.after(fault.ms + 3_000, () => {
        gatewayOf(fault.gateway).kill();
        void gatewayOf(fault.gateway).start();
      });
      return;
    case 'kill-gateway':
      gatewayOf(fault.gateway).kill();
      later(() => void gatewayOf(fault.gateway).start());
      return;
    case 'hang-gateway':
      gatewayOf(fault.gateway).pause();
      later(() => gatewayOf(fault.gateway).resume());
      return;
    case 'remove-worker': {
      const { address } = workerOf(fault.worker);
      gatewayOf(fault.gateway).workers?.remove(address);
      later(() => gatewayOf(fault.gateway).workers?.add(address));
      return;
    }
    case 'store-outage':
      store.isAway = true;
      later(() => {
        store.isAway = false;
      });
      return;
    case 'store-flush':
      store.flush();
      return;
    default:
      throw new Error(`no such fault: ${JSON.stringify(fault satisfies never)}`);
  }
}

/** Until everything that can go on has gone on: simulated time stands still, and nothing waits for any other. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A promise that nobody waits for ends its process; here that is one record. */
function watchRejections(onRejection: (message: string) => void): () => void {
  const others = process.listeners('unhandledRejection');
  const listener = (reason: unknown): void => onRejection(reason instanceof Error ? `${reason.stack}` : String(reason));
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener);
  return () => {
    process.removeListener('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
  };
}
