import { ServingError } from '@sluice/shared';
import { Command, Option } from 'commander';
import { threadsPerWorker } from '../cpu-share.js';
import { oneOf, wholeNumber, workerAddress } from '../flags.js';
import { advertisedAddress } from '../fleet/advertised-address.js';
import { redisTarget } from '../fleet/redis-target.js';
import { dieWithParent, isSupervised, serveUntilStopped, tellParent } from '../supervisor/child-side.js';
import type { Progress } from '../supervisor/messages.js';
import { ProgressLine } from '../terminal/progress-line.js';
import { quietV8Threads } from '../v8-threads.js';
import { addTlsFlags, type TlsFlags, tlsOptions } from './access-flags.js';
import {
  addFleetFlags,
  addListenFlags,
  addModelFlags,
  drainMs,
  type FleetFlags,
  type ModelFlags,
} from './serving-flags.js';

interface WorkerFlags extends ModelFlags, FleetFlags, TlsFlags {
  readonly port: number;
  readonly host: string;
  readonly advertise?: string;
  readonly drain: 'finish' | 'handover';
  readonly drainMs: number;
  readonly memoryParts: number;
}

/** Milliseconds for what a worker does behind its drain: readers fetch what was sent, the pass that runs ends. */
const closeMs = 2_000;

export function workerCommand(): Command {
  const command = new Command('worker').description('run one replica of a model, for gateways and gRPC clients');
  addModelFlags(command);
  addListenFlags(command, 9000, 'port of the gRPC service; 0 for any free one');
  addFleetFlags(command);
  addTlsFlags(command, 'be spoken to');
  command.addOption(
    new Option(
      '--advertise <address>',
      'with --redis: host:port at which gateways reach this worker (default: where it listens)',
    ).argParser((value: string) => workerAddress('--advertise')(value, [])[0]),
  );
  command.addOption(
    new Option(
      '--drain <how>',
      'told to stop by SIGTERM: finish the requests that run, or hand them over to other workers at once',
    )
      .default('finish')
      .argParser(oneOf('--drain', ['finish', 'handover'])),
  );
  command.addOption(
    new Option('--drain-ms <ms>', 'with --drain finish: after so long what still runs is handed over')
      .default(drainMs)
      .argParser(wholeNumber('--drain-ms', 0, 3_600_000)),
  );
  command.addOption(
    new Option('--memory-parts <n>', 'workers that share the free memory of this machine, this one included')
      .default(1)
      .argParser(wholeNumber('--memory-parts', 1, 1024)),
  );
  return command.action(runWorker);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
  quietV8Threads();
  if (isSupervised()) dieWithParent();
  const redis = await redisTarget(flags);
  const tls = tlsOptions(flags);
  const line = new ProgressLine(process.stderr);
  const onProgress = (progress: Progress): void => {
    if (isSupervised()) void tellParent({ type: 'progress', progress });
    else line.update(progress);
  };
  const { endProcess, startWorker } = await import('@sluice/worker');
  const worker = await startWorker({
    ...flags,
    threads: flags.threads ?? threadsPerWorker(1),
    prefixCache: flags.prefixCache === 'on',
    jumpForward: flags.jumpForward === 'on',
    ...(tls === undefined ? {} : { tls }),
    onProgress,
    onFatal: endProcess,
  }).catch(async (error: unknown) => {
    line.clear();
    // What the operator has to change does not get better by being tried again.
    if (error instanceof ServingError) await tellParent({ type: 'failed', message: error.message });
    throw error;
  });
  line.clear();
  const { announceWorker } = await import('../fleet/announce-worker.js');
  const announced = redis && announceWorker(redis, flags.fleet, advertisedAddress(flags, worker.port), worker);
  serveUntilStopped(
    {
      stop: async (deadlineMs) => {
        // First of all, so that no gateway finds it any more; those that have it hear of the drain.
        await announced?.leave();
        const finishMs = flags.drain === 'handover' ? 0 : Math.min(flags.drainMs, deadlineMs - closeMs);
        await worker.drain(Math.max(0, finishMs));
        await worker.close();
      },
    },
    flags.drainMs + closeMs,
  );
  if (isSupervised()) await tellParent({ type: 'ready', port: worker.port });
  else process.stdout.write(`The worker serves ${flags.model} at grpc://${worker.address}\n`);
}
