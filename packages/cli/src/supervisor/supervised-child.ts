import { type ChildProcess, fork } from 'node:child_process';
import { LineSplitter } from './line-splitter.js';
import type { LogFile } from './log-file.js';
import { asChildMessage, type Progress, type StopMessage } from './messages.js';
import { decideRestart, type RestartLimits } from './restart-policy.js';

/** The variable by which a child knows that somebody looks after it; see child-side.ts. */
export const supervisedVariable = 'SLUICE_SUPERVISED';

export interface ChildSpec {
  /** For people: "worker 1", "gateway". */
  readonly name: string;
  /** The script that Node runs. */
  readonly script: string;
  /** Its arguments. `port` is the one it listened on before it died, so that others find it again; 0 the first time. */
  readonly args: (port: number) => readonly string[];
  /** Variables that it gets where our own environment has none of that name. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output goes; undefined: `fork` has seen to that. */
  readonly log?: LogFile;
  /** How it is started. Undefined: as a process whose output comes here. */
  readonly fork?: (script: string, args: readonly string[], env: NodeJS.ProcessEnv) => ChildProcess;
  /** Hears whatever it says, ours or not. */
  readonly onMessage?: (message: unknown) => void;
  /** Undefined: the usual ones of restart-policy.ts. */
  readonly limits?: RestartLimits;
}

/** What a supervisor has to tell. */
export type ChildEvent =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'ready'; readonly port: number; readonly restarted: boolean }
  | { readonly kind: 'died'; readonly how: string; readonly delayMs: number }
  | { readonly kind: 'gave up'; readonly why: string };

/**
 * A child process that is started again when it dies, with growing pauses, until it is stopped or given up.
 *
 * States: starting → serving → (dead → starting …) → stopping → ended; from starting or dead also → ended (given up).
 * The child is given up when it says itself that it cannot serve, before it ever has, and when it has died too often in
 * a row (restart-policy.ts).
 */
export class SupervisedChild {
  readonly name: string;
  readonly #spec: ChildSpec;
  readonly #listener: (event: ChildEvent) => void;
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;
  #port = 0;
  #deaths = 0;
  /** When it became ready this time, milliseconds of `performance.now`; undefined while it does not serve. */
  #readyAtMs: number | undefined;
  #wasReady = false;
  #failure: string | undefined;
  /** The line with which the command ended itself this time, without its "sluice: ". */
  #lastWords: string | undefined;

  constructor(spec: ChildSpec, listener: (event: ChildEvent) => void) {
    this.name = spec.name;
    this.#spec = spec;
    this.#listener = listener;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get isServing(): boolean {
    return this.#readyAtMs !== undefined;
  }

  start(): void {
    const { script, fork = forkWithPipes, log, onMessage, env } = this.#spec;
    const child = fork(script, this.#spec.args(this.#port), { ...env, ...process.env, [supervisedVariable]: '1' });
    this.#process = child;
    this.#failure = undefined;
    this.#lastWords = undefined;
    for (const stream of [child.stdout, child.stderr]) {
      const lines = new LineSplitter((line) => {
        if (line.startsWith('sluice: ')) this.#lastWords = line.slice('sluice: '.length);
        this.#listener({ kind: 'line', line });
      });
      stream?.on('data', (chunk: Uint8Array) => {
        log?.write(chunk);
        lines.push(chunk);
      });
      stream?.on('end', () => lines.end());
    }
    child.on('message', (message) => {
      this.#onMessage(message);
      onMessage?.(message);
    });
    // 'error' without a process: it could not be started at all, and there will be no exit.
    child.on('error', (error) => {
      if (child.pid === undefined) this.#onEnd(`could not be started: ${error.message}`);
    });
    // 'close' and not 'exit': by then its last words are in the log.
    child.on('close', (status, signal) =>
      this.#onEnd(signal ? `was killed by ${signal}` : `exited with status ${status}`),
    );
  }

  /** Says something to the child, if it is there to hear it. */
  tell(message: object): void {
    // The callback takes the error of a channel that is closed already: then the child is on its way out by itself.
    if (this.#process?.connected) this.#process.send(message, () => {});
  }

  /**
   * Asks the child to end what runs and exit, and kills it `deadlineMs + graceMs` from now. Resolves when it is gone.
   *
   * @param isReplaced another one has its place already, so that it can take its time with whom it still knows
   */
  async stop(deadlineMs: number, graceMs = 3000, isReplaced = false): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.tell({ type: 'stop', deadlineMs, isReplaced } satisfies StopMessage);
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs + graceMs);
    await gone;
    clearTimeout(timer);
  }

  /** Ends the child at once, with nothing finished. */
  kill(): void {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    this.#process?.kill('SIGKILL');
  }

  #onMessage(raw: unknown): void {
    const message = asChildMessage(raw);
    switch (message?.type) {
      case 'progress':
        this.#listener({ kind: 'progress', progress: message.progress });
        break;
      case 'ready':
        this.#port = message.port;
        this.#readyAtMs = performance.now();
        this.#listener({ kind: 'ready', port: message.port, restarted: this.#wasReady });
        this.#wasReady = true;
        break;
      case 'failed':
        this.#failure = message.message;
        break;
      case undefined:
    }
  }

  #onEnd(how: string): void {
    this.#process = undefined;
    const servedMs = this.#readyAtMs === undefined ? 0 : performance.now() - this.#readyAtMs;
    this.#readyAtMs = undefined;
    if (this.#isStopping) return;
    if (this.#failure !== undefined && !this.#wasReady) {
      this.#listener({ kind: 'gave up', why: this.#failure });
      return;
    }
    const why = this.#failure ?? (this.#lastWords === undefined ? how : `${how} (${this.#lastWords})`);
    const life = { deathsBefore: this.#deaths, servedMs, hasServed: this.#wasReady };
    const decision = decideRestart(life, this.#spec.limits);
    this.#deaths = decision.deaths;
    if (decision.kind === 'give up') {
      this.#listener({ kind: 'gave up', why: `${why}, ${decision.deaths} times in a row` });
      return;
    }
    this.#listener({ kind: 'died', how: why, delayMs: decision.delayMs });
    this.#restart = setTimeout(() => this.start(), decision.delayMs);
  }
}

function forkWithPipes(script: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return fork(script, [...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env });
}
