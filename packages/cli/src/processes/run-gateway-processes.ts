import { fileURLToPath } from 'node:url';
import { createLog, systemClock } from '@sluice/shared';
import { memoryStore } from '@sluice/store';
import { isSupervised, serveUntilStopped, tellParent } from '../supervisor/child-side.js';
import { findPort } from '../up/listen-error.js';
import { GatewayProcesses } from './gateway-processes.js';
import { Switchboard } from './switchboard.js';

const script = fileURLToPath(new URL('../main.js', import.meta.url));

/** Milliseconds behind the deadline of a stop: the processes have theirs, and are killed if they do not keep it. */
const graceMs = 4_000;

export interface GatewayProcessesFlags {
  readonly host: string;
  readonly port: number;
  readonly processes: number;
  readonly drainMs: number;
}

/**
 * The parent of `--processes`: starts them, looks after them, and answers nothing itself. SIGHUP replaces all of them,
 * one after the other. Resolves with the exit status when no process can serve any more.
 *
 * @throws CommandError when the port cannot be had or a process cannot be brought to serve
 */
export async function runGatewayProcesses(flags: GatewayProcessesFlags): Promise<number> {
  const { host, processes, drainMs } = flags;
  const clock = systemClock();
  try {
    const port = await findPort(host, flags.port);
    const children = new GatewayProcesses({
      script,
      // The last flag of a name counts. A port that a process chose would be lost with the last of them.
      args: [...process.argv.slice(2), '--port', String(port)],
      count: processes,
      drainMs,
      switchboard: new Switchboard({ limits: memoryStore(clock).limits, clock }),
      log: createLog('gateway'),
    });
    process.on('SIGHUP', () => void children.replaceAll());
    serveUntilStopped({ stop: (deadlineMs) => children.stop(deadlineMs) }, drainMs, graceMs);
    await children.start();
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (isSupervised()) await tellParent({ type: 'ready', port });
    else process.stdout.write(`The gateway answers at ${url}, in ${processes} processes\n`);
    const status = await children.gaveUp;
    await children.stop(0);
    return status;
  } catch (error) {
    await tellParent({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
