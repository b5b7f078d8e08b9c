import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { RunDone } from './api.js';
import { OrtError, type OrtErrorCode } from './ort-error.js';
import { RUNS_MAX, RunMailbox, type RunRequest } from './run-mailbox.js';

/** What the thread is made with. */
export interface RunThreadStart {
  readonly libraryPath: string;
  readonly processors: readonly number[];
  /** Of the mailbox of its runs. */
  readonly memory: SharedArrayBuffer;
  /** Takes a RunFailure for each run that failed, before its answer. */
  readonly failures: MessagePort;
}

/** Why a run failed. */
export interface RunFailure {
  readonly code: OrtErrorCode;
  readonly message: string;
}

/** For the objects of a thread that has nothing but numbers to pass on. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

/** How long a thread without runs still keeps the process alive: to be told so with every run is dearer than a timer. */
const REST_AFTER_MS = 100;

/**
 * A thread that is bound to processors and computes runs one after the other. The threads of libuv take turns, and the
 * system wakes each where it ran last, which may be where the next thread of the pass is about to run: then one waits
 * for the other. Keeps the process alive while it has runs, and a moment longer.
 */
export class RunThread {
  readonly #thread: Worker;
  readonly #mailbox = new RunMailbox();
  readonly #failures: MessagePort;
  /** Of the runs that were not answered, oldest first. */
  readonly #waiting: RunDone[] = [];
  #isListening = false;
  #isClosed = false;
  /** Set while the process is kept alive. */
  #restTimer: NodeJS.Timeout | undefined;
  #hasRunSince = false;
  #death: OrtError | undefined;

  /** Use `runtime.createRunThread()`. */
  constructor(start: Pick<RunThreadStart, 'libraryPath' | 'processors'>) {
    const { port1, port2 } = new MessageChannel();
    this.#failures = port1;
    const workerData: RunThreadStart = { ...start, memory: this.#mailbox.memory, failures: port2 };
    this.#thread = new Worker(threadUrl(), { workerData, transferList: [port2], resourceLimits: HEAP_LIMITS });
    this.#thread.on('error', (cause) =>
      this.#die(new OrtError('FAIL', `the thread of runs died: ${cause}`, { cause })),
    );
    this.#thread.on('exit', () => this.#die(new OrtError('disposed', 'the thread of runs was closed')));
    this.#thread.unref();
  }

  /** Whether it ended without having been closed: what it had has failed, and it takes no more. */
  get hasDied(): boolean {
    return this.#death !== undefined && this.#death.code !== 'disposed';
  }

  /**
   * `done` is called on the JS thread; `disposed` where the thread was closed.
   * @throws OrtError `in_use` while it has as many runs as it takes, 63.
   */
  run(request: RunRequest, done: RunDone): void {
    if (this.#death !== undefined) {
      const death = this.#death;
      queueMicrotask(() => done(death));
      return;
    }
    if (this.#waiting.length === RUNS_MAX) throw new OrtError('in_use', `${RUNS_MAX} runs wait for the thread already`);
    this.#waiting.push(done);
    this.#mailbox.give(request);
    this.#keepAlive();
    if (!this.#isListening) void this.#listen();
  }

  /** Ends the thread behind the runs that it has. Twice is harmless. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#mailbox.giveEnd();
  }

  /** While runs are under way. */
  async #listen(): Promise<void> {
    this.#isListening = true;
    while (this.#waiting.length > 0) {
      await this.#mailbox.outcomeComes();
      this.#settle();
    }
    this.#isListening = false;
  }

  /** Tells of the runs that have ended. */
  #settle(): void {
    for (let outcome = this.#mailbox.takeOutcome(); outcome !== undefined; outcome = this.#mailbox.takeOutcome()) {
      this.#waiting.shift()?.(outcome === 'done' ? undefined : this.#failure());
    }
  }

  #failure(): OrtError {
    const told = receiveMessageOnPort(this.#failures)?.message as RunFailure | undefined;
    return new OrtError(told?.code ?? 'FAIL', told?.message ?? 'the run failed');
  }

  #keepAlive(): void {
    this.#hasRunSince = true;
    this.#restTimer ??= setTimeout(() => {
      const isNeeded = this.#hasRunSince || this.#waiting.length > 0;
      this.#hasRunSince = false;
      if (isNeeded) this.#restTimer?.refresh();
      else this.#restTimer = undefined;
    }, REST_AFTER_MS);
  }

  #die(death: OrtError): void {
    this.#settle();
    this.#death ??= death;
    for (const done of this.#waiting.splice(0)) done(this.#death);
  }
}

/** The thread as it was built, also where this file runs from its source. */
function threadUrl(): URL {
  const built = new URL('./run-thread-main.js', import.meta.url);
  return existsSync(built) ? built : new URL('../dist/run-thread-main.js', import.meta.url);
}
