import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type Clock, createLog, type Logger, ServingError, seededRng, systemClock } from '@sluice/shared';
import { memoryStore, openRedisStore, type RedisTarget } from '@sluice/store';
import { collectDefaultMetrics } from 'prom-client';
import { Admission } from '../admission/admission.js';
import type { ContentCheck } from '../content/content-check.js';
import { parseContentRules } from '../content/content-rules.js';
import { Gateway, randomId } from '../gateway.js';
import { adminAccess } from '../http/admin-access.js';
import { createApp } from '../http/app.js';
import { registerAdmission } from '../metrics/admission-metrics.js';
import { registerFleet } from '../metrics/fleet-metrics.js';
import { registerJournals } from '../metrics/journal-metrics.js';
import { createMetrics } from '../metrics/metrics.js';
import { createRoutingMetrics } from '../metrics/routing-metrics.js';
import { type MetricPart, metricPart, wholeMetrics } from '../metrics/whole-metrics.js';
import type { Siblings, WorkerChange } from '../processes/siblings.js';
import { createRouting, defaultRouting, type RoutingName } from '../routing/policies.js';
import { PrefixIndex } from '../routing/prefix-index.js';
import { Routing } from '../routing/routing.js';
import { StreamJournals } from '../streams/stream-journals.js';
import { joinFleet } from '../workers/fleet-membership.js';
import { FleetWorkers } from '../workers/fleet-workers.js';
import type { Worker } from '../workers/worker.js';
import { parseWorkerAddress, workerAddressExample } from '../workers/worker-address.js';
import { type AccessOptions, openGatekeeper } from './access.js';
import { connectWorker, type WorkerOptions } from './connect-worker.js';
import { watchDns } from './dns-workers.js';
import { packageVersion } from './package-version.js';
import { endKeepAlive, stopAccepting, waitAttached, waitQuiet } from './shared-port.js';

/**
 * Connections that the system holds until they are accepted. Where there are more, it drops clients' first packets, and
 * they try again after 1, 3, 7 and 15 s; Node's default of 511 is full when thousands come while a step is written out.
 */
const UNACCEPTED_MAX = 4_096;

export interface GatewayOptions extends AccessOptions, WorkerOptions {
  /** Workers to attach to, see parseWorkerAddress; more may come by `redis`, `workerDns` and admin calls. */
  readonly workers: readonly string[];
  /** Where the fleet is announced; see parseRedisUrl. It need not be there when the gateway starts. */
  readonly redis?: RedisTarget;
  /** Name of the fleet in Redis. Default `default`. */
  readonly fleet?: string;
  /** Names whose addresses are workers, `host:port`, or upstreams, `http://host:port`; resolved every 5 s. */
  readonly workerDns?: readonly string[];
  /** What admin calls need where callers have no credentials and are elsewhere; see adminAccess. */
  readonly adminKey?: string;
  /** Origins of web pages that may call the API; `*` stands for all. Default none. */
  readonly corsOrigins?: readonly string[];
  /** File of rules for what goes in and out; see parseContentRules. */
  readonly contentRulesFile?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any free one. Default 8000. */
  readonly port?: number;
  /** Requests in flight, beyond which callers get 429. Default 4,096. */
  readonly requestsMax?: number;
  /** Requests that may wait for a worker of one model. Default 2,048. */
  readonly queueRequestsMax?: number;
  /** Prompt tokens that may wait for a worker of one model. Default 4,000,000. */
  readonly queueTokensMax?: number;
  /** Milliseconds that a request waits for a worker that could begin it. Default 60,000. */
  readonly queueMsMax?: number;
  /** Bytes of one body. Default 8 MB. */
  readonly bodyBytesMax?: number;
  /** Bytes of all bodies in flight. Default 256 MB. */
  readonly bodiesBytesMax?: number;
  /** Bytes that may wait for one client that does not read, before it is cut. Default 1 MB. */
  readonly replyBufferBytesMax?: number;
  /** Connections of clients. Default 16,384. */
  readonly connectionsMax?: number;
  /** How a worker is chosen for a request. Default `ttft`. */
  readonly routing?: RoutingName;
  /** Bytes of what is remembered of prompts sent to workers, for routing; 64 KiB to 64 GiB. Default 64 MiB. */
  readonly prefixIndexBytesMax?: number;
  /** Milliseconds that a request which lost its worker waits for one that takes it. 0: it fails at once. Default 15,000. */
  readonly resumeWaitMs?: number;
  /** Processes that serve on this port, this one included: bounds on all requests together are shared out. Default 1. */
  readonly processes?: number;
  /** The others of them. */
  readonly siblings?: Siblings;
  /** Milliseconds for which the port is left to others until the workers are attached. Default 0: it opens at once. */
  readonly attachFirstMs?: number;
  /** Whether streams are written down in `redis`, so that clients who lose one get the rest anywhere. Default false. */
  readonly journal?: boolean;
  /** Milliseconds that requests in flight get to end when the gateway closes. Default 30,000. */
  readonly drainMs?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}

export interface RunningGateway {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no new requests, lets those in flight end for at most `drainMs` (default: the option's), ends the rest with
   * an error that their clients see, and frees everything. The same promise when called again.
   */
  close(drainMs?: number): Promise<void>;
  /**
   * As `close`, where another process has the port already: requests that still come on open connections are served,
   * and those connections closed behind the answer, until none has come for a second.
   */
  retire(drainMs?: number): Promise<void>;
  /** Whether it could serve a request, or has left that to another process. */
  readonly isReady: boolean;
  /** What it has counted. */
  metrics(): Promise<MetricPart>;
  /** An admin's word that came to another process. */
  changeWorkers(change: WorkerChange): void;
}

/** A line for each request, each written by itself, would cost a twentieth of the request. */
const LOG_GATHER_MS = 100;

/**
 * Starts a gateway. It answers at once; `/ready` says when a worker is attached.
 * @throws Error when the port is taken or an address of a worker is not one; the message says which.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { host = '127.0.0.1', port = 8000, drainMs = 30_000, clock = systemClock() } = options;
  const addresses = options.workers.map(workerAddress);
  const log = options.log ?? createLog('gateway', {}, { gatherMs: LOG_GATHER_MS });
  const rng = seededRng(randomBytes(6).readUIntBE(0, 6));
  const gatewayId = `gateway-${randomId(rng)}`;
  const contentChecks = options.contentRulesFile === undefined ? [] : readContentRules(options.contentRulesFile);
  const access = openGatekeeper(options, clock, log);
  const store = options.redis
    ? openRedisStore({ target: options.redis, fleet: options.fleet ?? 'default', clock, log })
    : memoryStore(clock);
  /** By name, because one name's answer says nothing of the others. */
  const resolved = new Map<string, readonly string[]>();
  const parts = { gatewayId, clock, rng, log, onLoad: () => gateway.letIn() };
  const connect = (address: string): Worker => connectWorker(address, parts, options);
  const { processes = 1, siblings } = options;
  const share = (bound: number): number => Math.ceil(bound / processes);
  const bodyBytesMax = options.bodyBytesMax ?? 8 * 2 ** 20;
  const bodiesBytesMax = options.bodiesBytesMax ?? 256 * 2 ** 20;
  const admission = new Admission({
    requestsMax: share(options.requestsMax ?? 4_096),
    // A share in which the largest body has no room would refuse it for ever.
    bodyBytesMax: Math.min(bodiesBytesMax, Math.max(share(bodiesBytesMax), bodyBytesMax)),
  });
  const workers = new FleetWorkers({ connect, clock, log });
  workers.offer('static', addresses);
  const metrics = createMetrics(workers, admission);
  collectDefaultMetrics({ register: metrics.registry });
  const policy = createRouting(options.routing ?? defaultRouting, rng);
  const prefixes = new PrefixIndex(Math.max(64 * 2 ** 10, share(options.prefixIndexBytesMax ?? 64 * 2 ** 20)));
  const routing = new Routing({
    policy,
    prefixes,
    metrics: createRoutingMetrics(metrics.registry, policy.name, prefixes),
  });
  // Not of `rng`: from what it gave to others nobody may tell what it gives next.
  const newStreamId = (): string => randomBytes(16).toString('base64url');
  const journals = options.journal ? new StreamJournals({ store: store.journals, clock, newStreamId }) : undefined;
  if (journals) registerJournals(metrics.registry, journals);
  const gateway = new Gateway({
    workers,
    routing,
    admission,
    metrics,
    clock,
    rng,
    resumeWaitMs: options.resumeWaitMs ?? 15_000,
    limits: options.redis || !siblings ? store.limits : siblings.limits,
    contentChecks,
    queueLimits: {
      requestsMax: share(options.queueRequestsMax ?? 2_048),
      tokensMax: share(options.queueTokensMax ?? 4_000_000),
    },
    queueMsMax: options.queueMsMax ?? 60_000,
    journals,
    responses: store.responses,
  });
  registerAdmission(metrics.registry, gateway);
  const metricsText = async (): Promise<string> => {
    if (siblings === undefined) return metrics.registry.metrics();
    const [own, others] = await Promise.all([metricPart(metrics.registry), siblings.metrics()]);
    return wholeMetrics([own, ...others.parts], { counted: others.counted + 1, silent: others.silent });
  };
  const app = createApp({
    gateway,
    workers,
    adminAccess: adminAccess(options.adminKey, access.gatekeeper),
    gatekeeper: access.gatekeeper,
    corsOrigins: new Set(options.corsOrigins ?? []),
    admission,
    metrics,
    metricsText,
    areSiblingsReady: async () => siblings === undefined || (await siblings.areReady()),
    onWorkerChange: (change) => siblings?.tellWorkers(change),
    clock,
    rng,
    log,
    version: packageVersion(),
    bodyBytesMax,
    connectionsMax: share(options.connectionsMax ?? 16_384),
    replyLimits: {
      bufferBytesMax: options.replyBufferBytesMax ?? 2 ** 20,
      flushMs: 30_000,
      lingerMs: 1_000,
    },
  });
  let url = gatewayUrl(host, port);
  /** From DNS and Redis; those of the command line and of admin calls need no looking for. */
  const findWorkers = () => {
    const names = (options.workerDns ?? []).map((name) => {
      const offer = (found: readonly string[]): void => {
        resolved.set(name, found);
        workers.offer('dns', [...resolved.values()].flat());
      };
      return watchDns(name, offer, clock, log);
    });
    const record = () => ({ id: gatewayId, url, epoch: gatewayId, requestsInFlight: admission.requests });
    const membership = options.redis && joinFleet({ store, workers, clock, rng, record });
    if (membership) registerFleet(metrics.registry, store, membership.watch);
    return {
      leave: async () => {
        for (const name of names) name.stop();
        await membership?.leave();
      },
    };
  };
  const { attachFirstMs = 0 } = options;
  let fleet = attachFirstMs > 0 ? findWorkers() : undefined;
  if (attachFirstMs > 0) await waitAttached(workers, attachFirstMs, clock);
  try {
    await app.listen({ host, port, backlog: UNACCEPTED_MAX, listenTextResolver: () => '' });
  } catch (cause) {
    await fleet?.leave();
    access.stop();
    workers.close();
    await store.close();
    throw listenError(cause, host, port);
  }
  const { port: boundPort } = app.server.address() as AddressInfo;
  url = gatewayUrl(host, boundPort);
  log.info({ url, workers: addresses }, 'gateway listens');
  fleet ??= findWorkers();

  let isRetired = false;
  let closing: Promise<void> | undefined;
  const close = async (withinMs: number, isReplaced: boolean): Promise<void> => {
    const deadlineMs = clock.nowMs() + withinMs;
    // First the door, then the house: new connections are refused by the kernel, not by us.
    stopAccepting(app.server);
    endKeepAlive(app.server);
    gateway.endConnections();
    access.stop();
    await fleet.leave();
    if (isReplaced) await waitQuiet(admission, deadlineMs, clock);
    else app.server.closeIdleConnections();
    await gateway.drain(Math.max(0, deadlineMs - clock.nowMs()));
    app.server.closeAllConnections();
    await app.close();
    await journals?.close();
    workers.close();
    await store.close();
    log.info('gateway closed');
  };
  return {
    url,
    port: boundPort,
    close: (withinMs = drainMs) => {
      closing ??= close(withinMs, false);
      return closing;
    },
    retire: (withinMs = drainMs) => {
      isRetired = true;
      closing ??= close(withinMs, true);
      return closing;
    },
    get isReady() {
      return isRetired || gateway.notReadyReason === undefined;
    },
    metrics: () => metricPart(metrics.registry),
    changeWorkers: ({ kind, address }) => {
      if (kind === 'add') workers.add(address);
      else workers.bar(address);
    },
  };
}

function gatewayUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function readContentRules(file: string): readonly ContentCheck[] {
  try {
    return parseContentRules(readFileSync(file, 'utf8'));
  } catch (cause) {
    const problem = `${file}: ${cause instanceof Error ? cause.message : cause}`;
    throw new ServingError('invalid_request', problem, { cause });
  }
}

function workerAddress(given: string): string {
  const address = parseWorkerAddress(given);
  if (address !== undefined) return address;
  throw new Error(`worker address ${JSON.stringify(given)} must be ${workerAddressExample}`);
}

function listenError(cause: unknown, host: string, port: number): Error {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') return new Error(`port ${port} on ${host} is in use`, { cause });
  if (code === 'EACCES')
    return new Error(`port ${port} on ${host} needs rights that this user does not have`, { cause });
  return new Error(`cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}
