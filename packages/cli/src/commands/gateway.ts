import cluster from 'node:cluster';
import type { RoutingName } from '@sluice/gateway';
import { ServingError, systemClock } from '@sluice/shared';
import { Command, Option } from 'commander';
import { oneOf, UsageError, wholeNumber, workerAddress, workerName } from '../flags.js';
import { redisTarget } from '../fleet/redis-target.js';
import { dieWithParent, isSupervised, serveUntilStopped, tellParent } from '../supervisor/child-side.js';
import { describeListenError } from '../up/listen-error.js';
import {
  type AccessFlags,
  accessOptions,
  addAccessFlags,
  addTlsFlags,
  addTlsNameFlag,
  type TlsFlags,
  tlsOptions,
} from './access-flags.js';
import {
  addFleetFlags,
  addListenFlags,
  addRoutingFlag,
  defaultPort,
  drainMs,
  type FleetFlags,
} from './serving-flags.js';
import { addUpstreamFlags, type UpstreamFlags, upstreamOptions } from './upstream-flags.js';

interface GatewayFlags extends FleetFlags, AccessFlags, TlsFlags, UpstreamFlags {
  readonly port: number;
  readonly host: string;
  readonly worker: readonly string[];
  readonly workerDns: readonly string[];
  readonly routing: RoutingName;
  readonly journal: 'on' | 'off';
  readonly processes?: number;
  readonly drainMs: number;
}

export function gatewayCommand(): Command {
  const command = new Command('gateway').description('run the HTTP front door over workers that run elsewhere');
  addListenFlags(command, defaultPort, 'port of the HTTP API; 0 for any free one');
  command.addOption(
    new Option(
      '--worker <address>',
      'a worker, like grpc://127.0.0.1:9000, or an OpenAI-compatible server, like http://127.0.0.1:8080; repeat it for more',
    )
      .default([], 'none')
      .argParser(workerAddress('--worker')),
  );
  command.addOption(
    new Option(
      '--worker-dns <name>',
      'host:port whose addresses are workers (http://host:port: servers), looked up again every 5 s; repeat it for more',
    )
      .default([], 'none')
      .argParser(workerName('--worker-dns')),
  );
  addFleetFlags(command);
  addRoutingFlag(command);
  command.addOption(
    new Option('--journal <state>', 'write streams down in Redis, so that clients who lose one get the rest: on or off')
      .default('off')
      .argParser(oneOf('--journal', ['on', 'off'])),
  );
  addUpstreamFlags(command);
  addAccessFlags(command);
  addTlsFlags(command, 'speak to workers');
  addTlsNameFlag(command);
  command.addOption(
    new Option(
      '--processes <n>',
      'processes that share the port, restarted when they die and, by SIGHUP, replaced one after the other ' +
        '(default: this one alone, with nobody to look after it)',
    ).argParser(wholeNumber('--processes', 1, 64)),
  );
  command.addOption(
    new Option('--drain-ms <ms>', 'told to stop by SIGTERM: how long running requests may go on')
      .default(drainMs)
      .argParser(wholeNumber('--drain-ms', 0, 3_600_000)),
  );
  return command.action(runGateway);
}

/** Milliseconds for which a process leaves the port to others until it is attached to the workers. */
const attachFirstMs = 2_000;

async function runGateway(flags: GatewayFlags): Promise<void> {
  if (isSupervised()) dieWithParent();
  if (flags.worker.length === 0 && flags.workerDns.length === 0 && flags.redis === undefined)
    throw new UsageError(
      '--worker must be given at least once, like grpc://127.0.0.1:9000 or http://127.0.0.1:8080, or --worker-dns or --redis',
    );
  const redis = await redisTarget(flags);
  if (flags.processes !== undefined && cluster.isPrimary) {
    const { runGatewayProcesses } = await import('../processes/run-gateway-processes.js');
    process.exit(await runGatewayProcesses({ ...flags, processes: flags.processes }));
  }
  const access = accessOptions(flags);
  const workerTls = tlsOptions(flags);
  const { startGateway } = await import('@sluice/gateway');
  const siblings = flags.processes === undefined ? undefined : await openSiblings(flags.processes);
  const gateway = await startGateway({
    host: flags.host,
    port: flags.port,
    workers: flags.worker,
    workerDns: flags.workerDns,
    ...(redis === undefined ? {} : { redis, fleet: flags.fleet }),
    ...(process.env.SLUICE_ADMIN_KEY ? { adminKey: process.env.SLUICE_ADMIN_KEY } : {}),
    routing: flags.routing,
    journal: flags.journal === 'on',
    ...access,
    ...upstreamOptions(flags),
    ...(process.env.SLUICE_UPSTREAM_KEY ? { upstreamKey: process.env.SLUICE_UPSTREAM_KEY } : {}),
    ...(workerTls === undefined ? {} : { workerTls }),
    ...(siblings === undefined ? {} : { siblings, processes: flags.processes, attachFirstMs }),
  }).catch(async (thrown: unknown) => {
    const error = describeListenError(thrown, flags.host, flags.port) ?? thrown;
    if (error !== thrown || error instanceof ServingError) {
      await tellParent({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      // Its parent writes where it would write.
      if (cluster.isWorker) process.exit(1);
    }
    throw error;
  });
  process.on('message', (message) => siblings?.hear(message, gateway));
  const stop = async (deadlineMs: number, isReplaced: boolean): Promise<void> => {
    await (isReplaced ? gateway.retire(deadlineMs) : gateway.close(deadlineMs));
    if (siblings !== undefined) await siblings.sayLastWords(gateway);
  };
  serveUntilStopped({ stop }, flags.drainMs);
  if (isSupervised()) await tellParent({ type: 'ready', port: gateway.port });
  else process.stdout.write(`The gateway answers at ${gateway.url}\n`);
}

/** The other processes behind the parent that started this one. */
async function openSiblings(processes: number) {
  const { ParentSiblings } = await import('../processes/parent-siblings.js');
  // An error means that the parent is gone, and 'disconnect' sees to that.
  const send = (message: object): Promise<void> =>
    new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
  return new ParentSiblings({ send, clock: systemClock(), others: processes - 1 });
}
