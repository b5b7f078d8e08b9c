import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { RunDone } from './api.js';
import { OrtError, type OrtErrorCode } from './ort-error.js';

/** What the thread is made with. */
export interface RunThreadStart {
  readonly libraryPath: string;
  readonly processors: readonly number[];
}

/** A run, by the addresses of what belongs to it. */
export interface RunRequest {
  readonly session: bigint;
  readonly options: bigint | null;
  readonly binding: bigint;
}

/** How the oldest run that was not answered ended; undefined: well. */
export type RunReply = { readonly code: OrtErrorCode; readonly message: string } | undefined;

/** For the objects of a thread that has nothing but numbers to pass on. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

/**
 * A thread that is bound to processors and computes runs one after the other. The threads of libuv take turns, and the
 * system wakes each where it ran last, which may be where the next thread of the pass is about to run: then one waits
 * for the other. Does not keep the process alive.
 */
export class RunThread {
  readonly #thread: Worker;
  /** Of the runs that were not answered, oldest first. */
  readonly #waiting: RunDone[] = [];
  #death: OrtError | undefined;

  /** Use `runtime.createRunThread()`. */
  constructor(start: RunThreadStart) {
    this.#thread = new Worker(threadUrl(), { workerData: start, resourceLimits: HEAP_LIMITS });
    this.#thread.on('message', (reply: RunReply) => {
      const done = this.#waiting.shift();
      if (this.#waiting.length === 0) this.#thread.unref();
      done?.(reply === undefined ? undefined : new OrtError(reply.code, reply.message));
    });
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

  /** `done` is called on the JS thread; `disposed` where the thread was closed. */
  run(request: RunRequest, done: RunDone): void {
    if (this.#death !== undefined) {
      const death = this.#death;
      queueMicrotask(() => done(death));
      return;
    }
    this.#waiting.push(done);
    // The answer is waited for by somebody.
    this.#thread.ref();
    this.#thread.postMessage(request);
  }

  /** Ends the thread behind the runs that it has. Twice is harmless. */
  close(): void {
    if (this.#death === undefined) this.#thread.postMessage(null);
  }

  #die(death: OrtError): void {
    this.#death ??= death;
    for (const done of this.#waiting.splice(0)) done(this.#death);
  }
}

/** The thread as it was built, also where this file runs from its source. */
function threadUrl(): URL {
  const built = new URL('./run-thread-main.js', import.meta.url);
  return existsSync(built) ? built : new URL('../dist/run-thread-main.js', import.meta.url);
}
