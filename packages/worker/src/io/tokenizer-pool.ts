import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ServingError } from '@sluice/shared';
import type { EncodeOptions, Tokenizer } from '../text/tokenizer.js';
import type { TokenizerDefinition } from '../text/tokenizer-definition.js';

export interface TokenizerPoolOptions {
  readonly definition: TokenizerDefinition;
  /** Of the same definition; encodes short texts on the calling thread. */
  readonly tokenizer: Tokenizer;
  /** Texts of more UTF-16 units than this go to the thread. Default 1,000, which take 1 to 2 ms. */
  readonly shortUnitsMax?: number;
  /** The text for which the thread is started does not wait for it where it has no more units. Default 20,000. */
  readonly firstUnitsMax?: number;
  /** Most long texts that may be under way; one more is refused with `queue_full`. Default 256. */
  readonly waitingMax?: number;
  /** The compiled thread; default: beside this file. Where there is none everything is encoded on the calling thread. */
  readonly threadUrl?: URL;
}

export interface EncodeRequest {
  readonly id: number;
  readonly text: string;
  readonly options: EncodeOptions;
}

export type EncodeReply =
  | { readonly id: number; readonly ids: Int32Array }
  | { readonly id: number; readonly failure: string };

/** What the collector may let pile up between two looks at what is new: with its own 48 texts take no less time. */
const YOUNG_MB = 4;

interface Waiting {
  readonly resolve: (ids: number[]) => void;
  readonly reject: (error: ServingError) => void;
}

/**
 * Encodes texts without holding the thread that feeds the engine: long ones on a thread of their own, in the order in
 * which they come. Gives the same ids as the tokenizer. The thread is started by the first long text: it needs 40 MB and a
 * quarter of a second. One that dies fails the texts it had and is replaced.
 */
export class TokenizerPool {
  readonly #options: TokenizerPoolOptions;
  readonly #shortUnitsMax: number;
  readonly #firstUnitsMax: number;
  readonly #waitingMax: number;
  readonly #threadUrl: URL | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #nextId = 0;
  #closed = false;

  constructor(options: TokenizerPoolOptions) {
    this.#options = options;
    this.#shortUnitsMax = options.shortUnitsMax ?? 1000;
    this.#firstUnitsMax = options.firstUnitsMax ?? 20_000;
    this.#waitingMax = options.waitingMax ?? 256;
    const url = options.threadUrl ?? new URL('./tokenizer-thread.js', import.meta.url);
    this.#threadUrl = url.protocol !== 'file:' || existsSync(url) ? url : undefined;
  }

  /** Long texts that have not been answered. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /**
   * @throws ServingError `queue_full` when `waitingMax` long texts are under way, `draining` when the pool was closed,
   * `internal` when the thread died.
   */
  async encode(text: string, options: EncodeOptions): Promise<number[]> {
    if (this.#closed) throw new ServingError('draining', 'the tokenizer is closed');
    if (text.length <= this.#shortUnitsMax || !this.#threadUrl) return this.#options.tokenizer.encode(text, options);
    if (this.#waiting.size >= this.#waitingMax) {
      const problem = `${this.#waiting.size} long prompts are being tokenized and at most ${this.#waitingMax} may be`;
      throw new ServingError('queue_full', problem);
    }
    if (this.#thread === undefined) {
      this.#thread = this.#start(this.#threadUrl);
      if (text.length <= this.#firstUnitsMax) return this.#options.tokenizer.encode(text, options);
    }
    const thread = this.#thread;
    const request: EncodeRequest = { id: this.#nextId++, text, options };
    return new Promise<number[]>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      thread.postMessage(request);
    });
  }

  /** Texts under way fail with `draining`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failAll(new ServingError('draining', 'the tokenizer is closed'));
    await this.#thread?.terminate();
  }

  #start(url: URL): Worker {
    const thread = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    thread.postMessage(this.#options.definition);
    // A thread that only waits for texts must not keep the process alive.
    thread.unref();
    thread.on('message', (reply: EncodeReply) => this.#settle(reply));
    const died = (cause: unknown): void => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#failAll(new ServingError('internal', 'the tokenizer thread died', { cause }));
    };
    thread.on('error', died);
    thread.on('exit', died);
    return thread;
  }

  #settle(reply: EncodeReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('ids' in reply) waiting?.resolve(Array.from(reply.ids));
    else waiting?.reject(new ServingError('internal', 'the text could not be tokenized', { cause: reply.failure }));
  }

  #failAll(error: ServingError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
