import type { GenerateRequestInit, Load, ModelInfo, StepFrame, Welcome, WorkerMessage } from '@sluice/proto';
import { assert, type Clock, type LoadState, type Logger, type Rng, ServingError } from '@sluice/shared';
import type { WorkerId, WorkerView } from '../routing/policy.js';
import { type BackoffOptions, backoffMs } from './backoff.js';
import { CircuitBreaker, type CircuitOptions, type CircuitState } from './circuit-breaker.js';
import type { Generation, GenerationListener, Worker } from './worker.js';
import type { WorkerDialer, WorkerStream } from './worker-stream.js';
import type { WorkerText } from './worker-text.js';

export interface WorkerConnectionOptions {
  /** Milliseconds without a frame after which a worker counts as lost; an idle one sends its load every 500. */
  readonly silenceMs: number;
  readonly backoff: BackoffOptions;
  readonly circuit: CircuitOptions;
  /** Messages that may wait for a worker that does not read; beyond it the worker gets no new requests. */
  readonly unsentMax: number;
}

export interface WorkerConnectionParts {
  readonly id: WorkerId;
  readonly gatewayId: string;
  readonly dialer: WorkerDialer;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** Called after everything that may have given the worker more room. */
  readonly onLoad?: () => void;
}

/**
 * States and moves:
 *   waiting    -> connecting   the backoff is over
 *   connecting -> attached     Welcome came
 *   connecting, attached -> waiting   the stream ended, broke the contract, or was silent too long
 *   any        -> closed
 */
type State =
  | { readonly kind: 'waiting'; readonly stopTimer: () => void }
  | { readonly kind: 'connecting'; readonly stream: WorkerStream }
  | { readonly kind: 'attached'; readonly stream: WorkerStream; readonly ackEvery: number }
  | { readonly kind: 'closed' };

interface LiveRequest {
  readonly listener: GenerationListener;
  /** Estimated prompt tokens that the worker's load does not count yet; undefined once it does. */
  unreportedTokens: number | undefined;
  /** Whether the circuit waits for what becomes of it. */
  readonly isProbe: boolean;
}

/** Keeps one worker attached: its stream, its requests in flight, its load, and the way back after a loss. */
export class WorkerConnection implements Worker {
  readonly id: WorkerId;
  readonly knowsTokenIds = true;
  readonly countsCached = true;
  readonly #parts: WorkerConnectionParts;
  readonly #options: WorkerConnectionOptions;
  readonly #requests = new Map<number, LiveRequest>();
  readonly #circuit: CircuitBreaker;
  #state: State = { kind: 'closed' };
  #attachments = 0;
  /** One, once it is known. */
  #models: readonly ModelInfo[] = [];
  #epoch: string | undefined;
  #load: LoadState | undefined;
  #nextId = 1;
  #frame = 0;
  #frameAcknowledged = 0;
  #heardMs = 0;
  #failures = 0;
  /** Why it was not reached last, of which the log has had its line. */
  #problem: string | undefined;
  #unreportedTokens = 0;
  #unreportedRequests = 0;
  #stopWatch: () => void = () => {};

  constructor(parts: WorkerConnectionParts, options: WorkerConnectionOptions) {
    this.id = parts.id;
    this.#parts = parts;
    this.#options = options;
    this.#circuit = new CircuitBreaker(options.circuit, parts.clock);
  }

  get models(): readonly ModelInfo[] {
    return this.#models;
  }

  get text(): WorkerText | undefined {
    return this.#parts.dialer.text;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  get isAttached(): boolean {
    return this.#state.kind === 'attached';
  }

  /** How often it has attached, from 0 up. */
  get attachments(): number {
    return this.#attachments;
  }

  get circuitState(): CircuitState {
    return this.#circuit.state;
  }

  /** Whether it takes new requests. */
  get isReady(): boolean {
    const state = this.#state;
    return (
      state.kind === 'attached' &&
      this.#load?.state === 'ready' &&
      state.stream.unsentCount < this.#options.unsentMax &&
      this.#circuit.isPassable
    );
  }

  get requestsInFlight(): number {
    return this.#requests.size;
  }

  /** Undefined until the first Welcome; kept, for dashboards, when the worker is lost. */
  get view(): WorkerView | undefined {
    if (this.#load === undefined) return undefined;
    return {
      id: this.id,
      load: this.#load,
      unreportedRequests: this.#unreportedRequests,
      unreportedTokens: this.#unreportedTokens,
    };
  }

  start(): void {
    assert(this.#state.kind === 'closed', `worker ${this.id} is already connecting`);
    this.#connect();
    this.#watch();
  }

  /** Requests in flight get `onLost`. */
  close(): void {
    this.#stopWatch();
    this.#leave({ kind: 'closed' }, new ServingError('draining', 'the worker was taken out of service'));
    this.#parts.dialer.close();
  }

  /** Sends a request; only while {@link isReady}. `promptTokens` is an estimate, for routing. */
  submit(request: GenerateRequestInit, promptTokens: number, listener: GenerationListener): Generation {
    const state = this.#state;
    assert(state.kind === 'attached', `worker ${this.id} got a request while ${state.kind}`);
    const id = this.#freeId();
    this.#requests.set(id, { listener, unreportedTokens: promptTokens, isProbe: this.#circuit.pass() });
    this.#unreportedRequests += 1;
    this.#unreportedTokens += promptTokens;
    state.stream.send({ submit: { id, request } });
    return { cancel: () => this.#cancel(id, listener) };
  }

  #cancel(id: number, listener: GenerationListener): void {
    const live = this.#requests.get(id);
    if (live?.listener !== listener) return;
    this.#forget(id, live);
    if (this.#state.kind === 'attached') this.#state.stream.send({ cancel: { id } });
  }

  #connect(): void {
    this.#heardMs = this.#parts.clock.nowMs();
    const stream: WorkerStream = this.#parts.dialer.open({
      onMessage: (message) => this.#onMessage(message),
      onEnd: (cause) => this.#lose(cause),
    });
    this.#state = { kind: 'connecting', stream };
    stream.send({ attach: { gatewayId: this.#parts.gatewayId } });
  }

  #onMessage(message: WorkerMessage): void {
    this.#heardMs = this.#parts.clock.nowMs();
    if (this.#state.kind === 'connecting' && message.welcome) this.#onWelcome(this.#state.stream, message.welcome);
    else if (this.#state.kind === 'attached' && message.frame) this.#onFrame(this.#state, message.frame);
    else this.#lose(new Error(`unexpected ${message.message ?? 'empty'} message while ${this.#state.kind}`));
    this.#parts.onLoad?.();
  }

  #onWelcome(stream: WorkerStream, welcome: Welcome): void {
    if (welcome.model === null || welcome.load === null) {
      this.#lose(new Error('Welcome without model or load'));
      return;
    }
    this.#models = [welcome.model];
    this.#epoch = welcome.epoch;
    this.#load = toLoadState(welcome.load);
    this.#failures = 0;
    this.#problem = undefined;
    this.#attachments += 1;
    this.#frame = 0;
    this.#frameAcknowledged = 0;
    // Often enough that the worker never waits for it, seldom enough to cost nothing.
    const ackEvery = Math.min(16, Math.max(1, Math.floor(welcome.framesUnacknowledgedMax / 4)));
    this.#state = { kind: 'attached', stream, ackEvery };
    this.#parts.log.info({ worker: this.id, model: welcome.model.name, epoch: welcome.epoch }, 'worker attached');
  }

  #onFrame(state: State & { kind: 'attached' }, frame: StepFrame): void {
    if (frame.frame !== this.#frame + 1) {
      this.#lose(new Error(`frame ${frame.frame} came after frame ${this.#frame}`));
      return;
    }
    this.#frame = frame.frame;
    if (frame.load !== null) this.#load = toLoadState(frame.load);
    let hasFailed = false;
    for (const { id, event } of frame.deltas) {
      const live = this.#requests.get(id);
      // The last tokens of a request that was cancelled are still on their way.
      if (live === undefined || event === null) continue;
      if (event.tokenIds.length > 0) this.#circuit.succeed();
      if (event.failed?.code === 'engine_failed') hasFailed = true;
      if (event.finished || event.failed) this.#forget(id, live);
      else if (event.accepted) this.#settle(live);
      live.listener.onEvent(event, this.#heardMs);
    }
    // One pass that failed is one failure, however many requests were in it.
    if (hasFailed) this.#circuit.fail();
    if (this.#frame - this.#frameAcknowledged >= state.ackEvery) {
      this.#frameAcknowledged = this.#frame;
      state.stream.send({ acknowledge: { frame: this.#frame } });
    }
  }

  #lose(cause: unknown): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'waiting') return;
    this.#failures += 1;
    const waitMs = backoffMs(this.#failures, this.#options.backoff, this.#parts.rng);
    const lost = { worker: this.id, requests: this.#requests.size, reason: reasonOf(cause), waitMs };
    const isGoing = cause instanceof ServingError && cause.code === 'draining';
    if (this.#state.kind !== 'attached') {
      // Tried again for ever, so each reason has one line for people to see.
      this.#parts.log[lost.reason === this.#problem ? 'debug' : 'warn'](lost, 'worker not reached');
      this.#problem = lost.reason;
    } else if (isGoing) this.#parts.log.info(lost, 'worker left');
    else {
      this.#parts.log.warn(lost, 'worker lost');
      this.#circuit.fail();
    }
    const next: State = { kind: 'waiting', stopTimer: this.#parts.clock.after(waitMs, () => this.#connect()) };
    const problem = 'the worker that served this request was lost; the request can be sent again';
    this.#leave(next, isGoing ? cause : new ServingError('worker_lost', problem));
  }

  #leave(next: State, error: ServingError): void {
    const left = this.#state;
    this.#state = next;
    if (left.kind === 'waiting') left.stopTimer();
    else if (left.kind !== 'closed') left.stream.close();
    const orphans = [...this.#requests.values()];
    this.#requests.clear();
    this.#unreportedRequests = 0;
    this.#unreportedTokens = 0;
    this.#circuit.release();
    for (const { listener } of orphans) listener.onLost(error);
  }

  /**
   * One timer for the connection's whole life, not one per frame. A worker is lost only when it is still silent at a
   * second look: after a stall of this process timers fire before the frames that came meanwhile are read.
   */
  #watch(isSecondLook = false): void {
    const { clock } = this.#parts;
    const { silenceMs } = this.#options;
    const silentMs = clock.nowMs() - this.#heardMs;
    const isSilent = silentMs >= silenceMs;
    if (isSilent && isSecondLook) this.#lose(new Error(`silent for ${Math.round(silentMs)} ms`));
    const nextMs = isSilent ? (isSecondLook ? silenceMs : silenceMs / 10) : silenceMs - silentMs;
    this.#stopWatch = clock.after(Math.max(1, nextMs), () => this.#watch(isSilent && !isSecondLook));
  }

  #forget(id: number, live: LiveRequest): void {
    this.#requests.delete(id);
    this.#settle(live);
    if (live.isProbe) this.#circuit.release();
  }

  #settle(live: LiveRequest): void {
    if (live.unreportedTokens === undefined) return;
    this.#unreportedRequests -= 1;
    this.#unreportedTokens -= live.unreportedTokens;
    live.unreportedTokens = undefined;
  }

  #freeId(): number {
    let id = this.#nextId;
    while (this.#requests.has(id)) id = id === 2 ** 32 - 1 ? 1 : id + 1;
    this.#nextId = id === 2 ** 32 - 1 ? 1 : id + 1;
    return id;
  }
}

/** Once a frame; a plain copy, because taking fields apart by a rest pattern costs several times as much. */
function toLoadState(load: Load): LoadState {
  return { ...load, state: load.state === 'WORKER_STATE_READY' ? 'ready' : 'draining' };
}

function reasonOf(cause: unknown): string {
  if (cause === undefined) return 'the worker ended the stream';
  return cause instanceof Error ? cause.message : String(cause);
}
