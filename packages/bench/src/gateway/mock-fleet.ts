import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '../io/server-process.js';

/** Engines that cost next to nothing, each a process of its own. */
export interface MockFleet {
  readonly ports: readonly number[];
  stop(): void;
}

const START_MS_MAX = 20_000;

/** @param kind `worker`: Sluice's own contract over gRPC; `engine`: OpenAI's API over HTTP. */
export async function startMockFleet(kind: 'worker' | 'engine', count: number, stepMs: number): Promise<MockFleet> {
  const children: ChildProcess[] = [];
  const stop = (): void => {
    process.off('exit', stop);
    for (const child of children) child.kill('SIGKILL');
  };
  process.on('exit', stop);
  const program = fileURLToPath(new URL(`./mock-${kind}.js`, import.meta.url));
  const start = async (): Promise<number> => {
    const port = await freePort();
    const child = spawn(process.execPath, [program, `${port}`, `${stepMs}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`a mock ${kind} did not start within ${START_MS_MAX} ms`)),
        START_MS_MAX,
      );
      child.stdout.once('data', () => {
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', (code) => reject(new Error(`a mock ${kind} ended with ${code} before it was ready`)));
    });
    return port;
  };
  try {
    const ports: number[] = [];
    for (let index = 0; index < count; index++) ports.push(await start());
    return { ports, stop };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}
