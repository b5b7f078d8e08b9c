import type { RoutingName } from '@sluice/gateway';
import { ServingError } from '@sluice/shared';
import { Command, Option } from 'commander';
import { UsageError, workerAddress } from '../flags.js';
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

interface GatewayFlags extends FleetFlags, AccessFlags, TlsFlags {
  readonly port: number;
  readonly host: string;
  readonly worker: readonly string[];
  readonly workerDns: readonly string[];
  readonly routing: RoutingName;
}

export function gatewayCommand(): Command {
  const command = new Command('gateway').description('run the HTTP front door over workers that run elsewhere');
  addListenFlags(command, defaultPort, 'port of the HTTP API; 0 for any free one');
  command.addOption(
    new Option('--worker <address>', 'a worker, like grpc://127.0.0.1:9000; repeat it for more')
      .default([], 'none')
      .argParser(workerAddress('--worker')),
  );
  command.addOption(
    new Option(
      '--worker-dns <name>',
      'host:port whose addresses are workers, looked up again every 5 s; repeat it for more',
    )
      .default([], 'none')
      .argParser(workerAddress('--worker-dns')),
  );
  addFleetFlags(command);
  addRoutingFlag(command);
  addAccessFlags(command);
  addTlsFlags(command, 'speak to workers');
  addTlsNameFlag(command);
  return command.action(runGateway);
}

async function runGateway(flags: GatewayFlags): Promise<void> {
  if (isSupervised()) dieWithParent();
  if (flags.worker.length === 0 && flags.workerDns.length === 0 && flags.redis === undefined)
    throw new UsageError(
      '--worker must be given at least once, like grpc://127.0.0.1:9000, or --worker-dns or --redis',
    );
  const redis = await redisTarget(flags);
  const access = accessOptions(flags);
  const workerTls = tlsOptions(flags);
  const { startGateway } = await import('@sluice/gateway');
  const gateway = await startGateway({
    host: flags.host,
    port: flags.port,
    workers: flags.worker,
    workerDns: flags.workerDns,
    ...(redis === undefined ? {} : { redis, fleet: flags.fleet }),
    ...(process.env.SLUICE_ADMIN_KEY ? { adminKey: process.env.SLUICE_ADMIN_KEY } : {}),
    routing: flags.routing,
    ...access,
    ...(workerTls === undefined ? {} : { workerTls }),
  }).catch(async (thrown: unknown) => {
    const error = describeListenError(thrown, flags.host, flags.port) ?? thrown;
    if (error !== thrown || error instanceof ServingError) {
      await tellParent({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
    throw error;
  });
  serveUntilStopped({ stop: (deadlineMs) => gateway.close(deadlineMs) }, drainMs);
  if (isSupervised()) await tellParent({ type: 'ready', port: gateway.port });
  else process.stdout.write(`The gateway answers at ${gateway.url}\n`);
}
