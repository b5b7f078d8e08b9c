import { ServingError } from '@sluice/shared';
import { Command } from 'commander';
import { threadsPerWorker } from '../cpu-share.js';
import { dieWithParent, isSupervised, serveUntilStopped, tellParent } from '../supervisor/child-side.js';
import type { Progress } from '../supervisor/messages.js';
import { ProgressLine } from '../terminal/progress-line.js';
import { addListenFlags, addModelFlags, drainMs, type ModelFlags } from './serving-flags.js';

interface WorkerFlags extends ModelFlags {
  readonly port: number;
  readonly host: string;
}

export function workerCommand(): Command {
  const command = new Command('worker').description('run one replica of a model, for gateways and gRPC clients');
  addModelFlags(command);
  addListenFlags(command, 9000, 'port of the gRPC service; 0 for any free one');
  return command.action(runWorker);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
  if (isSupervised()) dieWithParent();
  const line = new ProgressLine(process.stderr);
  const onProgress = (progress: Progress): void => {
    if (isSupervised()) void tellParent({ type: 'progress', progress });
    else line.update(progress);
  };
  const { startWorker } = await import('@sluice/worker');
  const worker = await startWorker({
    ...flags,
    threads: flags.threads ?? threadsPerWorker(1),
    prefixCache: flags.prefixCache === 'on',
    onProgress,
  }).catch(async (error: unknown) => {
    line.clear();
    // What the operator has to change does not get better by being tried again.
    if (error instanceof ServingError) await tellParent({ type: 'failed', message: error.message });
    throw error;
  });
  line.clear();
  serveUntilStopped(
    {
      stop: async (deadlineMs) => {
        await Promise.race([worker.drain(), new Promise((resolve) => setTimeout(resolve, deadlineMs))]);
        await worker.close();
      },
    },
    drainMs,
  );
  if (isSupervised()) await tellParent({ type: 'ready', port: worker.port });
  else process.stdout.write(`The worker serves ${flags.model} at grpc://${worker.address}\n`);
}
