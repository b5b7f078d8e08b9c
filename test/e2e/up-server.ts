import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processesOf, type RunningProcess } from './processes.js';

const script = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));

/** Why tests on real weights cannot run here; `./sluice test` finds out. Undefined: they can. */
export const noModel: string | undefined = process.env.SLUICE_TEST_NO_MODEL;

/** A `sluice` command that runs in a process group of its own, as a terminal would start it. */
export class SluiceProcess {
  readonly #process: ChildProcess;
  readonly exited: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
  /** All it has written so far. */
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    if (!existsSync(script)) throw new Error('the command is not built: run `./sluice test`, or `pnpm build` first');
    this.#process = spawn(process.execPath, [script, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    this.#process.stdout?.on('data', (data) => {
      this.stdout += data;
    });
    this.#process.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    this.exited = new Promise((resolve) => {
      this.#process.on('close', (status, signal) => resolve({ status, signal }));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Itself and its children that still run. */
  running(): readonly RunningProcess[] {
    return processesOf(this.pid);
  }

  /** The process id of its child that runs this command ("worker", "gateway"). */
  pidOf(command: string): number {
    const found = this.running().find((each) => each.command.includes(`main.js ${command} `));
    if (found === undefined) throw new Error(`no ${command} runs among ${JSON.stringify(this.running())}`);
    return found.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** What a terminal's Ctrl-C does: SIGINT for every process of the group. */
  pressCtrlC(): void {
    process.kill(-this.pid, 'SIGINT');
  }

  /** Whatever is left of it, at the end of a test. */
  killAll(): void {
    for (const { pid } of this.running()) process.kill(pid, 'SIGKILL');
  }
}

/** A `sluice up` that serves. */
export interface UpServer {
  readonly process: SluiceProcess;
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly model: string;
}

/** Starts `sluice up` on a free port and waits until it has answered its own first question. */
export async function startUp(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<UpServer> {
  const up = new SluiceProcess(['up', '--port', '0', '--context', '1024', '--slots', '16', ...args], env);
  let hasEnded = false;
  void up.exited.then(() => {
    hasEnded = true;
  });
  const welcome = await eventually('up to serve', 110_000, () => {
    if (hasEnded) throw new Error(`up ended: ${up.stdout}${up.stderr}`);
    return up.stdout.includes('Ctrl-C stops it') ? /Sluice serves (\S+) at (\S+)/.exec(up.stdout) : undefined;
  }).catch((error: unknown) => {
    up.killAll();
    throw error;
  });
  return { process: up, model: welcome[1] ?? '', url: welcome[2] ?? '' };
}

/**
 * Asks again and again until there is an answer that is neither undefined nor false. Real processes tell nobody when
 * they are gone, so here, and only here, tests wait by the clock.
 *
 * @throws Error that says what was waited for; an error of `ask` ends the waiting at once
 */
export async function eventually<T>(
  what: string,
  withinMs: number,
  ask: () => T | Promise<T>,
): Promise<Exclude<T, undefined | null | false>> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as Exclude<T, undefined | null | false>;
    }
    if (performance.now() > deadlineMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await wait(50);
  }
}
