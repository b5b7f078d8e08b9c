import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ServingError } from '@sluice/shared';
import { type CompileOutcome, GrammarCompiler } from '../compile-grammar.js';
import type { GrammarSource } from '../grammar-source.js';
import type { GrammarVocabulary } from '../grammar-vocabulary.js';
import { createBinding } from './grammar-library.js';

export interface GrammarPoolOptions {
  readonly vocabulary: GrammarVocabulary;
  /** Milliseconds that one grammar may take on the thread; default 30,000. */
  readonly compileMsMax?: number;
  /** Grammars that may wait or be compiled; one more is refused with `queue_full`. Default 64. */
  readonly waitingMax?: number;
  /** The compiled thread; default: beside this file. Where there is none, grammars are compiled on the calling thread. */
  readonly threadUrl?: URL;
}

interface Job {
  readonly source: GrammarSource;
  readonly resolve: (outcome: CompileOutcome) => void;
  readonly reject: (error: ServingError) => void;
}

/**
 * Compiles grammars on a thread of their own, one after the other, so that the batch loop never waits for one. A grammar
 * that takes too long is refused and costs the thread; the next one gets a new thread.
 */
export class GrammarPool {
  readonly #options: GrammarPoolOptions;
  readonly #compileMsMax: number;
  readonly #waitingMax: number;
  readonly #threadUrl: URL | undefined;
  /** The first one is being compiled. */
  readonly #jobs: Job[] = [];
  #thread: Worker | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #here: GrammarCompiler | undefined;
  #isClosed = false;

  constructor(options: GrammarPoolOptions) {
    this.#options = options;
    this.#compileMsMax = options.compileMsMax ?? 30_000;
    this.#waitingMax = options.waitingMax ?? 64;
    const url = options.threadUrl ?? new URL('./grammar-thread.js', import.meta.url);
    this.#threadUrl = url.protocol !== 'file:' || existsSync(url) ? url : undefined;
  }

  /** Grammars that wait or are being compiled. */
  get waitingCount(): number {
    return this.#jobs.length;
  }

  /**
   * @throws ServingError `queue_full` when `waitingMax` grammars are under way, `invalid_request` for one that takes too
   * long, `draining` when the pool was closed, `internal` when the thread died.
   */
  async compile(source: GrammarSource): Promise<CompileOutcome> {
    if (this.#isClosed) throw new ServingError('draining', 'the grammar compiler is closed');
    if (this.#threadUrl === undefined) {
      this.#here ??= new GrammarCompiler(createBinding, this.#options.vocabulary);
      return this.#here.compile(source);
    }
    if (this.#jobs.length >= this.#waitingMax) {
      const problem = `${this.#jobs.length} grammars are being compiled and at most ${this.#waitingMax} may be`;
      throw new ServingError('queue_full', problem);
    }
    return new Promise((resolve, reject) => {
      this.#jobs.push({ source, resolve, reject });
      if (this.#jobs.length === 1) this.#begin();
    });
  }

  /** Grammars under way fail with `draining`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#deadline);
    for (const { reject } of this.#jobs.splice(0))
      reject(new ServingError('draining', 'the grammar compiler is closed'));
    await this.#thread?.terminate();
  }

  #begin(): void {
    const job = this.#jobs[0];
    if (job === undefined || this.#threadUrl === undefined) return;
    this.#thread ??= this.#start(this.#threadUrl);
    this.#deadline = setTimeout(() => this.#cutOff(), this.#compileMsMax);
    this.#deadline.unref();
    this.#thread.postMessage(job.source);
  }

  #start(url: URL): Worker {
    const thread = new Worker(url, { workerData: this.#options.vocabulary });
    thread.unref();
    thread.on('message', (outcome: CompileOutcome) => {
      if (this.#thread === thread) this.#end((job) => job.resolve(outcome));
    });
    const died = (cause: unknown): void => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#end((job) => job.reject(new ServingError('internal', 'the grammar thread died', { cause })));
    };
    thread.on('error', died);
    thread.on('exit', died);
    return thread;
  }

  #cutOff(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    void thread?.terminate();
    const seconds = this.#compileMsMax / 1_000;
    this.#end(({ source: { field }, reject }) => {
      const problem = `${field} takes longer than ${seconds} s to compile: make it smaller, above all its repetitions`;
      reject(new ServingError('invalid_request', problem, { field }));
    });
  }

  #end(settle: (job: Job) => void): void {
    clearTimeout(this.#deadline);
    const job = this.#jobs.shift();
    if (job !== undefined) settle(job);
    if (!this.#isClosed) this.#begin();
  }
}
