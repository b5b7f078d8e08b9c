import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from '../command-error.js';
import { LogFile } from '../supervisor/log-file.js';
import type { Progress } from '../supervisor/messages.js';
import { type ChildEvent, SupervisedChild } from '../supervisor/supervised-child.js';
import { problemOf } from './log-line.js';
import { workerEnvironment } from './worker-environment.js';

/** Milliseconds behind its deadline for a gateway that has processes of its own to end. */
const gatewayGraceMs = 5_000;

const script = fileURLToPath(new URL('../main.js', import.meta.url));

export interface FleetOptions {
  readonly model: string;
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  /** Processes of the gateway. */
  readonly gateways: number;
  readonly routing: string;
  readonly threads: number;
  readonly context?: number;
  readonly slots?: number;
  readonly prefixCache: string;
  readonly scheduler: string;
  readonly ttftMs: number;
  readonly tbtMs: number;
  readonly tokenBudget?: number;
  readonly weights: string;
  readonly kernels: string;
  readonly kv: string;
  readonly executors: string;
  readonly pin: string;
  readonly speculation: string;
  readonly jumpForward: string;
  readonly swapMb?: number;
  /** Arguments of the gateway that say who may use it. */
  readonly access: readonly string[];
  /** Logs go to a folder in here. */
  readonly logFolder: string;
  readonly onProgress: (progress: Progress) => void;
  /** One line for people: a child died, is back, or says that something is wrong. */
  readonly onNews: (line: string) => void;
  /** Every line that a child writes, with its name in front. */
  readonly onLogLine?: (line: string) => void;
}

/**
 * One gateway and its workers, each a supervised child of this process. Workers come first, so that the HTTP port opens
 * when there is something behind it; they go last, so that streams can finish.
 */
export class Fleet {
  readonly logFolder: string;
  /** Resolves with exit status 1 when nothing can serve any more: the gateway, or every worker, was given up. */
  readonly gaveUp: Promise<number>;
  readonly #options: FleetOptions;
  readonly #workers: SupervisedChild[] = [];
  readonly #givenUp = new Set<string>();
  #gateway: SupervisedChild | undefined;
  #hasStarted = false;
  #resolveGaveUp: (status: number) => void = () => {};
  #stopped: Promise<void> | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.logFolder = path.join(options.logFolder, 'logs', `port-${options.port}`);
    this.gaveUp = new Promise((resolve) => {
      this.#resolveGaveUp = resolve;
    });
  }

  /**
   * Starts everything; resolves with the address of the HTTP API.
   *
   * @throws CommandError when a child cannot be brought to serve
   */
  async start(): Promise<string> {
    const { host, port, workers, gateways, routing, access } = this.#options;
    // The first one fetches and compiles the model; the others find it done.
    const addresses = [await this.#startWorker(1)];
    const rest = Array.from({ length: workers - 1 }, (_, index) => this.#startWorker(index + 2));
    addresses.push(...(await Promise.all(rest)));
    const gatewayPort = await this.#startChild('gateway', (portBefore) => [
      'gateway',
      ...['--host', host, '--port', String(portBefore || port), '--routing', routing],
      ...(gateways === 1 ? [] : ['--processes', String(gateways)]),
      ...addresses.flatMap((address) => ['--worker', `grpc://${address}`]),
      ...access,
    ]);
    this.#hasStarted = true;
    return `http://${urlHost(host)}:${gatewayPort}`;
  }

  /** Gateway first, with the whole deadline; then the workers, which by then have nothing left to do. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= (async () => {
      await this.#gateway?.stop(deadlineMs, gatewayGraceMs);
      await Promise.all(this.#workers.map((worker) => worker.stop(Math.min(deadlineMs, 1000))));
    })();
    return this.#stopped;
  }

  kill(): void {
    for (const child of [this.#gateway, ...this.#workers]) child?.kill();
  }

  async #startWorker(number: number): Promise<string> {
    const { model, threads, context, slots, prefixCache, weights, kv, executors, speculation, swapMb } = this.#options;
    const { workers, kernels, pin, scheduler, ttftMs, tbtMs, tokenBudget, jumpForward } = this.#options;
    const args = (portBefore: number) => [
      'worker',
      ...['--model', model, '--threads', String(threads), '--weights', weights],
      ...[
        '--kernels',
        kernels,
        '--kv',
        kv,
        '--executors',
        executors,
        '--prefix-cache',
        prefixCache,
        '--memory-parts',
        String(workers),
      ],
      // Several share the processors as the system sees fit.
      ...['--pin', workers > 1 ? 'off' : pin],
      ...['--speculation', speculation, '--jump-forward', jumpForward],
      ...(swapMb === undefined ? [] : ['--swap-mb', String(swapMb)]),
      ...['--scheduler', scheduler, '--ttft-ms', String(ttftMs), '--tbt-ms', String(tbtMs)],
      ...(tokenBudget === undefined ? [] : ['--token-budget', String(tokenBudget)]),
      ...(context === undefined ? [] : ['--context', String(context)]),
      ...(slots === undefined ? [] : ['--slots', String(slots)]),
      ...['--host', '127.0.0.1', '--port', String(portBefore)],
    ];
    const port = await this.#startChild(`worker ${number}`, args, workerEnvironment(threads));
    return `127.0.0.1:${port}`;
  }

  /** Resolves with the child's port when it serves for the first time. */
  #startChild(name: string, args: (port: number) => readonly string[], env = {}): Promise<number> {
    const log = new LogFile(path.join(this.logFolder, `${name.replace(' ', '-')}.log`));
    return new Promise((resolve, reject) => {
      if (this.#stopped) return;
      const child = new SupervisedChild({ name, script, args, env, log }, (event) => {
        if (event.kind === 'ready' && !event.restarted) resolve(event.port);
        if (event.kind === 'gave up') reject(new CommandError(`${name}: ${event.why} (log: ${log.path})`));
        this.#onEvent(name, event, log.path);
      });
      if (name === 'gateway') this.#gateway = child;
      else this.#workers.push(child);
      child.start();
    });
  }

  #onEvent(name: string, event: ChildEvent, logPath: string): void {
    const { onProgress, onNews, onLogLine } = this.#options;
    switch (event.kind) {
      case 'progress':
        // A restart's news is that it is over.
        if (!this.#hasStarted) onProgress(event.progress);
        break;
      case 'line': {
        onLogLine?.(`${name}: ${event.line}`);
        const problem = onLogLine ? undefined : problemOf(event.line);
        if (problem !== undefined) onNews(`${name}: ${problem}`);
        break;
      }
      case 'ready':
        if (event.restarted) onNews(`${name} serves again`);
        break;
      case 'died':
        onNews(`${name} ${event.how}; starting it again in ${event.delayMs / 1000} s (log: ${logPath})`);
        break;
      case 'gave up':
        // At the start it is the error that start() throws.
        if (!this.#hasStarted) break;
        onNews(`${name} is given up: ${event.why} (log: ${logPath})`);
        this.#givenUp.add(name);
        if (name === 'gateway' || this.#workers.every((worker) => this.#givenUp.has(worker.name)))
          this.#resolveGaveUp(1);
        break;
    }
  }
}

/** Where a client on this machine reaches a server that listens on `host`. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
