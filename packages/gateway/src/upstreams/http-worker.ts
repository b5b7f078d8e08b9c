import type { GenerateRequestInit, ModelInfo } from '@sluice/proto';
import { assert, ServingError } from '@sluice/shared';
import type { WorkerId, WorkerView } from '../routing/policy.js';
import { backoffMs } from '../workers/backoff.js';
import { CircuitBreaker, type CircuitState } from '../workers/circuit-breaker.js';
import type { Generation, GenerationListener, SubmitTerms, Worker } from '../workers/worker.js';
import { Checkup } from './checkup.js';
import { HttpGeneration } from './http-generation.js';
import type { HttpWorkerOptions, HttpWorkerParts } from './http-worker-parts.js';
import { isLate, type LiveRequest } from './live-request.js';
import { LoadEstimate } from './load-estimate.js';
import { toUpstreamRequest } from './upstream-request.js';

/**
 * States and moves:
 *   waiting    -> connecting   the backoff is over
 *   connecting -> attached     it is healthy, and says what it serves
 *   connecting -> waiting      it is not, or does not
 *   attached   -> waiting      it refuses connections, says that it is not healthy, or was silent too long
 *   any        -> closed
 */
type State =
  | { readonly kind: 'waiting'; readonly stopTimer: () => void }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'attached' }
  | { readonly kind: 'closed' };

/** Milliseconds between two looks at an upstream. */
const lookMs = 400;
/** Milliseconds for an upstream to end its reply at least, once the answer in it is whole. */
const lingerMs = 1_000;

/**
 * An OpenAI-compatible server as a worker. It is asked for its health, since nothing comes by itself. When it is lost,
 * requests that wait for their first text go elsewhere, and streams that have begun stay as long as they bring text:
 * nobody else could continue them.
 */
export class HttpWorker implements Worker {
  readonly id: WorkerId;
  readonly knowsTokenIds = false;
  readonly #parts: HttpWorkerParts;
  readonly #options: HttpWorkerOptions;
  readonly #requests = new Set<LiveRequest>();
  /** Whose answers are whole, and whose replies may not have ended; in the order of their ends. */
  readonly #ending = new Set<LiveRequest>();
  readonly #circuit: CircuitBreaker;
  readonly #checkup: Checkup;
  readonly #load: LoadEstimate;
  #state: State = { kind: 'closed' };
  #attachments = 0;
  #starts = 0;
  #models: readonly ModelInfo[] = [];
  #countsCached = false;
  #heardMs = 0;
  #failures = 0;
  #isSuspect = false;
  #stopLooking: () => void = () => {};

  constructor(parts: HttpWorkerParts, options: HttpWorkerOptions) {
    this.id = parts.id;
    this.#parts = parts;
    this.#options = options;
    this.#circuit = new CircuitBreaker(options.circuit, parts.clock);
    this.#checkup = new Checkup(parts.client, parts.clock);
    this.#load = new LoadEstimate(options.requestsMax);
  }

  get models(): readonly ModelInfo[] {
    return this.#models;
  }

  get epoch(): string | undefined {
    return this.#starts === 0 ? undefined : `${this.#starts}`;
  }

  get isAttached(): boolean {
    return this.#state.kind === 'attached';
  }

  get attachments(): number {
    return this.#attachments;
  }

  get circuitState(): CircuitState {
    return this.#circuit.state;
  }

  get isReady(): boolean {
    return this.#state.kind === 'attached' && this.#circuit.isPassable;
  }

  get requestsInFlight(): number {
    return this.#requests.size;
  }

  get view(): WorkerView | undefined {
    return this.#starts === 0 ? undefined : this.#load.viewOf(this.id);
  }

  get countsCached(): boolean {
    return this.#countsCached;
  }

  start(): void {
    assert(this.#state.kind === 'closed', `upstream ${this.id} is already connecting`);
    void this.#connect();
    this.#look();
  }

  close(): void {
    this.#stopLooking();
    if (this.#state.kind === 'waiting') this.#state.stopTimer();
    this.#state = { kind: 'closed' };
    this.#abandon(() => true, new ServingError('draining', 'the upstream was taken out of service'));
    this.#parts.client.close();
  }

  submit(
    request: GenerateRequestInit,
    promptTokens: number,
    listener: GenerationListener,
    terms: SubmitTerms,
  ): Generation {
    assert(this.#state.kind === 'attached', `upstream ${this.id} got a request while ${this.#state.kind}`);
    const { client, clock } = this.#parts;
    const { isChat, path, headers, body } = toUpstreamRequest(request, terms);
    const generation = new HttpGeneration(
      isChat,
      {
        onEvent: (event) => {
          this.#circuit.succeed();
          if (event.finished) this.#finish(live);
          else this.#load.begin(live);
          listener.onEvent(event, live.heardMs);
        },
        onFailed: (error) => this.#fail(live, error),
        onBytes: () => {
          this.#heardMs = clock.nowMs();
          live.heardMs = this.#heardMs;
        },
      },
      terms.tools,
    );
    const live: LiveRequest = {
      listener,
      generation,
      promptTokens,
      isProbe: this.#circuit.pass(),
      sentMs: clock.nowMs(),
      heardMs: clock.nowMs(),
      isSuspect: false,
      exchange: undefined,
    };
    this.#requests.add(live);
    this.#load.enter(live);
    live.exchange = client.post(path, headers, body, generation);
    return { cancel: () => this.#cancel(live) };
  }

  #cancel(live: LiveRequest): void {
    if (!this.#forget(live)) return;
    if (live.isProbe) this.#circuit.release();
    live.exchange?.abort();
    this.#parts.onLoad();
  }

  /** The exchange ends by itself with the bytes behind the answer, and its connection is used again. */
  #finish(live: LiveRequest): void {
    this.#forget(live);
    if (live.isProbe) this.#circuit.release();
    const { usage } = live.generation;
    if (usage?.cachedTokens) this.#countsCached = true;
    this.#ending.add(live);
    this.#parts.onLoad();
  }

  #fail(live: LiveRequest, error: ServingError): void {
    if (!this.#forget(live)) return;
    live.exchange?.abort();
    // What the caller did, and what is full, says nothing against the upstream.
    const isFault = error.row.fault !== 'client' && error.code !== 'queue_full';
    if (isFault) {
      this.#circuit.fail();
      const lost = { worker: this.id, code: error.code, reason: reasonOf(error) };
      this.#parts.log.warn(lost, 'a request failed at its upstream');
    } else if (live.isProbe) this.#circuit.release();
    // So that it is not tried again and again before it is asked for its health.
    if (live.generation.isUnreached && this.#state.kind === 'attached') this.#lose(new Error(reasonOf(error)));
    live.listener.onLost(error);
    // Each request has its own connection: that one is gone says little of the next. That there is no room says much.
    if (error.code !== 'queue_full') this.#attachments += 1;
    this.#parts.onLoad();
  }

  #forget(live: LiveRequest): boolean {
    if (!this.#requests.delete(live)) return false;
    this.#load.leave(live);
    return true;
  }

  async #connect(): Promise<void> {
    const state: State = { kind: 'connecting' };
    this.#state = state;
    const found = await this.#checkup.greet(this.#options.silenceMs);
    if (this.#state !== state) return;
    if (found instanceof Error) {
      this.#retreat(found);
      return;
    }
    this.#models = found;
    this.#failures = 0;
    this.#attachments += 1;
    this.#starts += 1;
    this.#heardMs = this.#parts.clock.nowMs();
    this.#state = { kind: 'attached' };
    this.#parts.log.info({ worker: this.id, models: found.map(({ name }) => name) }, 'upstream attached');
    this.#parts.onLoad();
  }

  #lose(cause: Error): void {
    const requests = [...this.#requests].filter(({ generation }) => !generation.hasBegun).length;
    this.#parts.log.warn({ worker: this.id, requests, reason: cause.message }, 'upstream lost');
    this.#circuit.fail();
    this.#retreat(cause);
    const problem = 'the upstream that had this request was lost; the request can be sent again';
    this.#abandon(({ generation }) => !generation.hasBegun, new ServingError('worker_lost', problem, { cause }));
  }

  #retreat(cause: Error): void {
    this.#failures += 1;
    this.#load.forgetReport();
    const waitMs = backoffMs(this.#failures, this.#options.backoff, this.#parts.rng);
    this.#parts.log.debug({ worker: this.id, reason: cause.message, waitMs }, 'upstream not reached');
    this.#state = { kind: 'waiting', stopTimer: this.#parts.clock.after(waitMs, () => void this.#connect()) };
  }

  #abandon(isMeant: (live: LiveRequest) => boolean, error: ServingError): void {
    const orphans = [...this.#requests].filter(isMeant);
    for (const live of orphans) {
      this.#forget(live);
      if (live.isProbe) this.#circuit.release();
      live.exchange?.abort();
    }
    for (const { listener } of orphans) listener.onLost(error);
  }

  /**
   * One timer for everything that may take too long. As with workers of ours, nobody is lost at the first look: after a
   * stall of this process timers fire before what came meanwhile is read.
   */
  #look(): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#state.kind === 'attached') {
      this.#checkUp();
      const silentMs = nowMs - this.#heardMs;
      const wasSuspect = this.#isSuspect;
      this.#isSuspect = silentMs >= this.#options.silenceMs;
      if (wasSuspect && this.#isSuspect) this.#lose(new Error(`silent for ${Math.round(silentMs)} ms`));
    }
    for (const live of [...this.#requests]) {
      const isSilent = isLate(live, this.#options, nowMs);
      if (isSilent && live.isSuspect) live.generation.onSilence(Math.round(nowMs - live.heardMs));
      live.isSuspect = isSilent;
    }
    for (const live of this.#ending) {
      if (nowMs - live.heardMs < lingerMs) break;
      this.#ending.delete(live);
      live.exchange?.abort();
    }
    const nextMs = this.#isSuspect ? this.#options.silenceMs / 10 : Math.min(lookMs, this.#options.silenceMs / 4);
    this.#stopLooking = this.#parts.clock.after(nextMs, () => this.#look());
  }

  #checkUp(): void {
    const state = this.#state;
    const isCurrent = (): boolean => this.#state === state;
    this.#checkup.look({
      timeoutMs: this.#options.silenceMs,
      onHealth: (problem) => {
        if (!isCurrent()) return;
        if (problem === undefined) this.#heardMs = this.#parts.clock.nowMs();
        else if (problem.isCertain) this.#lose(problem.cause);
      },
      onModels: (models) => {
        if (isCurrent()) this.#models = models;
      },
      onLoadAsked: () => this.#load.expectReport(),
      onLoad: (load) => {
        if (!isCurrent()) return;
        if (load === undefined) this.#load.forgetReport();
        else this.#load.report(load);
        this.#parts.onLoad();
      },
    });
  }
}

function reasonOf({ cause, message }: ServingError): string {
  return cause instanceof Error ? cause.message : message;
}
