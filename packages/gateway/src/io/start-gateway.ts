import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLog, ServingError, seededRng, systemClock } from '@sluice/shared';
import { memoryStore, openRedisStore } from '@sluice/store';
import { collectDefaultMetrics } from 'prom-client';
import { Admission } from '../admission/admission.js';
import { CountedResponses } from '../api/responses/counted-responses.js';
import type { ContentCheck } from '../content/content-check.js';
import { parseContentRules } from '../content/content-rules.js';
import { Gateway, randomId } from '../gateway.js';
import { adminAccess } from '../http/admin-access.js';
import { createApp } from '../http/app.js';
import { registerAdmission } from '../metrics/admission-metrics.js';
import { registerFleet } from '../metrics/fleet-metrics.js';
import { registerJournals } from '../metrics/journal-metrics.js';
import { createMetrics } from '../metrics/metrics.js';
import { registerResponses } from '../metrics/response-metrics.js';
import { createRoutingMetrics } from '../metrics/routing-metrics.js';
import { metricPart, wholeMetrics } from '../metrics/whole-metrics.js';
import { createRouting, defaultRouting } from '../routing/policies.js';
import { PrefixIndex } from '../routing/prefix-index.js';
import { Routing } from '../routing/routing.js';
import { StreamJournals } from '../streams/stream-journals.js';
import { joinFleet } from '../workers/fleet-membership.js';
import { FleetWorkers } from '../workers/fleet-workers.js';
import type { Worker } from '../workers/worker.js';
import { parseWorkerAddress, workerAddressExample } from '../workers/worker-address.js';
import { openGatekeeper } from './access.js';
import { connectWorker } from './connect-worker.js';
import type { GatewayOptions, RunningGateway } from './gateway-options.js';
import { gatewayUrl, openPort } from './gateway-port.js';
import { packageVersion } from './package-version.js';
import { endKeepAlive, stopAccepting, waitAttached, waitQuiet } from './shared-port.js';
import { searchWorkers, type WorkerSearch } from './worker-search.js';

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
  const parts = { gatewayId, clock, rng, log, onLoad: () => gateway.letIn() };
  const { processes = 1, siblings } = options;
  const share = (bound: number): number => Math.ceil(bound / processes);
  const upstreamRequestsMax = share(options.upstreamRequestsMax ?? 1_024);
  const connect = (address: string): Worker => connectWorker(address, parts, { ...options, upstreamRequestsMax });
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
  // How often the delay of the event loop is looked at, milliseconds: every 10 would be 1 % of a core for an idle gateway.
  collectDefaultMetrics({ register: metrics.registry, eventLoopMonitoringPrecision: 100 });
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
  const responses = new CountedResponses(store.responses, clock, log);
  registerResponses(metrics.registry, responses, options.redis !== undefined);
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
    responses,
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
  const findWorkers = (): WorkerSearch => {
    const record = () => ({ id: gatewayId, url, epoch: gatewayId, requestsInFlight: admission.requests });
    const joins = options.redis && (() => joinFleet({ store, workers, clock, rng, record }));
    const search = searchWorkers({ names: options.workerDns ?? [], joins, workers, clock, log });
    if (search.watch) registerFleet(metrics.registry, store, search.watch);
    return search;
  };
  const { attachFirstMs = 0 } = options;
  let fleet = attachFirstMs > 0 ? findWorkers() : undefined;
  if (attachFirstMs > 0) await waitAttached(workers, attachFirstMs, clock);
  const boundPort = await openPort(app, host, port).catch(async (cause: unknown) => {
    await fleet?.leave();
    access.stop();
    workers.close();
    await store.close();
    throw cause;
  });
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
