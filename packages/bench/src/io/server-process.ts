import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 100;
const logLinesShown = 15;

export interface ServerCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Beyond what this process has. */
  readonly environment?: Readonly<Record<string, string>>;
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** Answers 200 once the server serves. */
  readonly readyPath: string;
  readonly readyMsMax: number;
}

/** A server that a benchmark measures: started, waited for, and gone before the next one starts. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #killOnExit = (): void => {
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  /**
   * Resolves when the server is ready.
   * @throws Error with the end of the server's output, when it ends or is not ready within `readyMsMax`.
   */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const server = new ServerProcess(command);
    try {
      await server.#ready(command);
    } catch (thrown) {
      const log = server.#logEnd();
      await server.stop();
      throw new Error(`${command.name}: ${(thrown as Error).message}${log ? `; its last lines:\n${log}` : ''}`);
    }
    return server;
  }

  private constructor(command: ServerCommand) {
    this.#folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'));
    const log = openSync(this.#logFile(), 'w');
    const env = { ...process.env, ...command.environment };
    this.#child = spawn(command.command, command.args, { stdio: ['ignore', log, log], env });
    closeSync(log);
    this.#child.on('error', () => undefined);
    process.on('exit', this.#killOnExit);
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks it to end, and makes it after `patienceMs`. */
  async stop(patienceMs = 15_000): Promise<void> {
    if (this.#alive()) {
      const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
      this.#child.kill('SIGTERM');
      await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
      if (this.#alive()) this.#child.kill('SIGKILL');
      await ended;
    }
    process.off('exit', this.#killOnExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(command: ServerCommand): Promise<void> {
    const deadlineMs = performance.now() + command.readyMsMax;
    while (performance.now() < deadlineMs) {
      if (!this.#alive()) throw new Error(`ended before it was ready (${command.command})`);
      if (await answersOk(command.url + command.readyPath)) return;
      await sleep(pollMs);
    }
    throw new Error(`not ready within ${command.readyMsMax / 1000} s`);
  }

  #alive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #logEnd(): string {
    return readFileSync(this.#logFile(), 'utf8').trimEnd().split('\n').slice(-logLinesShown).join('\n');
  }

  #logFile(): string {
    return path.join(this.#folder, 'server.log');
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
