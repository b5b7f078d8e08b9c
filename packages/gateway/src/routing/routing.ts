import type { ServingError } from '@sluice/shared';
import type { Prompt } from '../api/generation-call.js';
import type { Policy, RoutingRequest, WorkerId, WorkerView } from './policy.js';
import type { PrefixIndex } from './prefix-index.js';
import { BLOCK_BYTES, blocksOf, type PromptBlocks } from './prompt-blocks.js';
import { predictFirstTokenMs } from './ttft.js';

/** A request as routing knows it. */
export interface RoutedRequest extends RoutingRequest {
  readonly model: string;
  readonly blocks: PromptBlocks;
  /** Its prompt came as token ids; text is counted by workers, and `promptTokens` is an estimate. */
  readonly isCounted: boolean;
}

/** What routing asks of a worker's connection. */
export interface RoutableWorker {
  readonly id: WorkerId;
  readonly epoch: string | undefined;
  readonly isAttached: boolean;
  readonly view: WorkerView | undefined;
  /** Whether it says how much of a prompt it had cached. */
  readonly countsCached: boolean;
}

/** What routing reads of what a worker says of a request. */
export interface RoutedEvent {
  readonly accepted?: { readonly promptTokens: number } | null;
  readonly tokenIds: { readonly length: number };
  readonly finished?: { readonly cachedTokens: number } | null;
}

export interface RoutedListener<Event extends RoutedEvent> {
  onEvent(event: Event, nowMs: number): void;
  onLost(error: ServingError): void;
}

/** What is counted of routing. */
export interface RoutingMetrics {
  /** @param expectedTokens of the prompt, that the worker is believed to have cached. */
  countChoice(worker: WorkerId, expectedTokens: number): void;
  /** @param ratio of the milliseconds that the first token took to those predicted. */
  countPrediction(ratio: number): void;
  /** The worker will not come back under this name. */
  forget(worker: WorkerId): void;
}

export interface RoutingParts {
  readonly policy: Policy;
  readonly prefixes: PrefixIndex;
  readonly metrics: RoutingMetrics;
}

/** Until workers have counted some. */
const TEXT_TOKEN_BYTES = 4;
/** Of token ids, as they are hashed. */
const ID_BYTES = 4;
/** Text that is remembered for what a token takes; what came before it weighs half. */
const LEARN_BYTES = 2 ** 20;
/** Tokens that a worker is taken to keep where it does not say. */
const KEEPS_TOKENS = 2 ** 20;

/** How a gateway places requests: by its policy, and by what it has learned of prompts and of who has them. */
export class Routing {
  readonly policy: Policy;
  readonly #prefixes: PrefixIndex;
  readonly #metrics: RoutingMetrics;
  /** Text that workers have counted lately. */
  #textBytes = TEXT_TOKEN_BYTES;
  #textTokens = 1;

  constructor({ policy, prefixes, metrics }: RoutingParts) {
    this.policy = policy;
    this.#prefixes = prefixes;
    this.#metrics = metrics;
  }

  /** O(bytes of the prompt, up to 256 KiB, and workers). */
  describe(
    { workers }: { readonly workers: readonly RoutableWorker[] },
    model: string,
    prompt: Prompt,
    session: string | undefined,
  ): RoutedRequest {
    this.#attend(workers);
    const blocks = blocksOf(prompt);
    const isCounted = prompt.kind === 'tokens';
    const tokenBytes = isCounted ? ID_BYTES : this.#textBytes / this.#textTokens;
    const promptTokens = Math.max(1, Math.round(blocks.bytes / tokenBytes));
    const cachedTokens = new Map<WorkerId, number>();
    for (const [worker, count] of this.#prefixes.match(blocks)) {
      cachedTokens.set(worker, Math.min(promptTokens, Math.floor((count * BLOCK_BYTES) / tokenBytes)));
    }
    return { model, promptTokens, beginning: blocks.low[0], session, cachedTokens, blocks, isCounted };
  }

  /**
   * The request goes to this worker at `nowMs`: from here on the worker counts as having its prompt.
   * @param next hears everything that the worker says of the request.
   * @returns the listener to submit it with, and the tokens of its prompt that the worker has yet to compute.
   */
  send<Event extends RoutedEvent>(
    worker: Pick<RoutableWorker, 'id' | 'view' | 'countsCached'>,
    request: RoutedRequest,
    next: RoutedListener<Event>,
    nowMs: number,
  ): { readonly listener: RoutedListener<Event>; readonly uncachedTokens: number } {
    const { id, view } = worker;
    const expectedTokens = request.cachedTokens.get(id) ?? 0;
    this.#metrics.countChoice(id, expectedTokens);
    this.#prefixes.record(id, request.blocks);
    let predictedMs = view === undefined ? undefined : predictFirstTokenMs(view, request);
    const listener: RoutedListener<Event> = {
      onEvent: (event, eventMs) => {
        if (event.accepted) this.#learnTokens(request, event.accepted.promptTokens);
        if (predictedMs !== undefined && event.tokenIds.length > 0) {
          this.#metrics.countPrediction((eventMs - nowMs) / predictedMs);
          predictedMs = undefined;
        }
        if (event.finished && worker.countsCached)
          this.#learnCached(id, request, expectedTokens, event.finished.cachedTokens);
        next.onEvent(event, eventMs);
      },
      onLost: (error) => next.onLost(error),
    };
    return { listener, uncachedTokens: Math.max(1, request.promptTokens - expectedTokens) };
  }

  /** Workers that have started again have empty caches; those that are gone have none. */
  #attend(workers: readonly RoutableWorker[]): void {
    let attached = 0;
    for (const { id, epoch, view, isAttached } of workers) {
      if (!isAttached || epoch === undefined || view === undefined) continue;
      attached += 1;
      this.#prefixes.attach(id, epoch, (view.load.kvTokensMax || KEEPS_TOKENS) * ID_BYTES);
    }
    if (this.#prefixes.workers.size === attached) return;
    for (const id of [...this.#prefixes.workers.keys()]) {
      const worker = workers.find((each) => each.id === id);
      if (worker === undefined) this.#metrics.forget(id);
      if (worker?.isAttached !== true) this.#prefixes.forget(id);
    }
  }

  #learnTokens({ blocks, isCounted }: RoutedRequest, promptTokens: number): void {
    if (isCounted || promptTokens === 0) return;
    this.#textBytes += blocks.bytes;
    this.#textTokens += promptTokens;
    if (this.#textBytes < LEARN_BYTES) return;
    this.#textBytes /= 2;
    this.#textTokens /= 2;
  }

  #learnCached(id: WorkerId, { blocks, promptTokens }: RoutedRequest, expected: number, actual: number): void {
    const toBlocks = (tokens: number): number => Math.floor((tokens / promptTokens) * (blocks.bytes / BLOCK_BYTES));
    this.#prefixes.correct(id, toBlocks(expected), toBlocks(actual));
  }
}
