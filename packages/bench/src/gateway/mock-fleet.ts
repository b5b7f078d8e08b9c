import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { processTreeUsage } from '../io/process-usage.js';
import { freePort } from '../io/server-process.js';
import { DEATH_SIGNAL } from './mock-death.js';
import { NUMBERED } from './mock-text.js';

/** Engines that cost next to nothing, each a process of its own. */
export interface MockFleet {
  readonly ports: readonly number[];
  /** Of the one that has used most so far; null where there is no /proc. */
  cpuMsMax(): number | null;
  /** Kills one in the midst of its work. Resolves with how many streams it had. */
  kill(index: number): Promise<number>;
  stop(): void;
}

export interface MockFleetOptions {
  /** `worker`: Sluice's own contract over gRPC; `engine`: OpenAI's API over HTTP. */
  readonly kind: 'worker' | 'engine';
  readonly count: number;
  readonly stepMs: number;
  /** Tokens say which they are. */
  readonly isNumbered: boolean;
}

const START_MS_MAX = 20_000;
const DEATH_MS_MAX = 5_000;

/** @throws Error when one does not start. */
export async function startMockFleet({ kind, count, stepMs, isNumbered }: MockFleetOptions): Promise<MockFleet> {
  const children: ChildProcess[] = [];
  const stop = (): void => {
    process.off('exit', stop);
    for (const child of children) child.kill('SIGKILL');
  };
  process.on('exit', stop);
  const program = fileURLToPath(new URL(`./mock-${kind}.js`, import.meta.url));
  const start = async (): Promise<number> => {
    const port = await freePort();
    const args = [program, `${port}`, `${stepMs}`, ...(isNumbered ? [NUMBERED] : [])];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await nextLine(child, `a mock ${kind}`, START_MS_MAX);
    return port;
  };
  try {
    const ports: number[] = [];
    for (let index = 0; index < count; index++) ports.push(await start());
    return {
      ports,
      stop,
      cpuMsMax: () => {
        const used = children.map(({ pid }) => (pid === undefined ? undefined : processTreeUsage(pid)?.cpuMs));
        return used.every((ms) => ms !== undefined) ? Math.max(...used) : null;
      },
      kill: async (index) => {
        const said = nextLine(children[index]!, `mock ${kind} ${index}`, DEATH_MS_MAX);
        children[index]!.kill(DEATH_SIGNAL);
        return Number(await said);
      },
    };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}

function nextLine(child: ChildProcess, name: string, msMax: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} said nothing within ${msMax} ms`)), msMax);
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      child.off('exit', onExit);
      end();
    };
    const onExit = (code: number | null): void => settle(() => reject(new Error(`${name} ended with ${code}`)));
    child.stdout!.once('data', (data) => settle(() => resolve(String(data))));
    child.once('exit', onExit);
  });
}
