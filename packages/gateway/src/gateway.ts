import type { ServiceTermsInit } from '@sluice/proto';
import { type Clock, type Rng, ServingError } from '@sluice/shared';
import type { LimitStore } from '@sluice/store';
import type { Admission } from './admission/admission.js';
import { AdmissionQueue, type Newcomer } from './admission/admission-queue.js';
import type { FairQueueLimits, QueueClass } from './admission/fair-queue.js';
import { Quotes } from './admission/quotes.js';
import { drainMs, hasRoom } from './admission/room.js';
import type { Endpoint } from './api/endpoint.js';
import { fieldError } from './api/field-error.js';
import { checkAgainstModel, toGenerateRequest } from './api/generation-call.js';
import { type Caller, checkModel } from './auth/caller.js';
import { reserveLimits } from './auth/rate-limits.js';
import { checkedCall } from './content/checked-call.js';
import type { Refused } from './content/checked-writer.js';
import type { ContentCheck } from './content/content-check.js';
import type { HttpReply } from './http/http-reply.js';
import type { GatewayMetrics } from './metrics/metrics.js';
import { openWriter } from './relay/open-writer.js';
import { type Dispatch, Relay } from './relay/relay.js';
import { WaitingRoom } from './relay/waiting-room.js';
import type { WorkerView } from './routing/policy.js';
import { chooseWorker, readyViews, resolveModel } from './routing/router.js';
import type { RoutedRequest, Routing } from './routing/routing.js';
import { predictFirstTokenMs } from './routing/ttft.js';
import { AlignedGeneration } from './streams/aligned-generation.js';
import type { EventId } from './streams/event-id.js';
import type { Order } from './streams/order.js';
import { recordingWriter } from './streams/recording-writer.js';
import { retell } from './streams/retell.js';
import type { PastStream, StreamJournals } from './streams/stream-journals.js';
import type { WorkerSet } from './workers/worker-set.js';

export interface GatewayParts {
  readonly workers: WorkerSet;
  readonly routing: Routing;
  readonly admission: Admission;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  /** How long a request that has lost its worker waits for another one to take it, milliseconds. */
  readonly resumeWaitMs: number;
  /** Of callers that have any, kept with the other gateways. */
  readonly limits: LimitStore;
  readonly contentChecks: readonly ContentCheck[];
  /** Of requests that no worker could begin soon, by model. */
  readonly queueLimits: FairQueueLimits;
  /** How long a request waits for a worker that could begin it, where it does not say itself; milliseconds. */
  readonly queueMsMax: number;
  /** Undefined: streams are not written down. */
  readonly journals: StreamJournals | undefined;
}

/** What a request says of how it wants to be served. */
export interface ServiceWishes {
  readonly caller: Caller;
  /** How urgent it is, and for whom. */
  readonly terms: ServiceTermsInit;
  /** That it belongs to; undefined: the one that the body names, if any. */
  readonly session: string | undefined;
  /** How long it may wait for a worker; undefined: as long as any. */
  readonly queueMsMax: number | undefined;
}

/** An order on its way, from its beginning or from where another gateway left it. */
interface Journey {
  readonly order: Order;
  /** What the client has of a stream that is written down. */
  readonly has: EventId | undefined;
  readonly past: PastStream | undefined;
}

/** What is reserved for an answer whose length nobody limits, until it is known. */
const ANSWER_TOKENS = 256;

/** Milliseconds that clients get to read the error which ends them at the deadline of a drain. */
const flushMs = 1_000;

/** The whole story of a request for text, from a body that has been read to the relay that carries its tokens. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #relays = new Set<Relay>();
  readonly #room: WaitingRoom;
  readonly queue: AdmissionQueue;
  readonly quotes = new Quotes();
  #isDraining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#room = new WaitingRoom(parts.clock, parts.resumeWaitMs);
    this.queue = new AdmissionQueue(parts.queueLimits, {
      clock: parts.clock,
      hasRoom: (model) => readyViews(parts.workers, model).some(hasRoom),
      drainMs: (model, tokens) => drainMs(readyViews(parts.workers, model), tokens),
    });
  }

  get workers(): WorkerSet {
    return this.#parts.workers;
  }

  /** Why no request can be served now; undefined when one can. */
  get notReadyReason(): ServingError | undefined {
    if (this.#isDraining) return drainingError();
    return this.workers.workers.some((worker) => worker.isReady) ? undefined : noWorkerError();
  }

  /**
   * Starts the reply to one request; the rest happens as tokens come.
   * @throws ServingError when the request cannot be served; then nothing has been started.
   */
  async serve(endpoint: Endpoint, body: unknown, wishes: ServiceWishes, reply: HttpReply): Promise<void> {
    const { workers, contentChecks, journals, clock, rng } = this.#parts;
    if (this.#isDraining) throw drainingError();

    // api: what is asked for, checked in full before anything is done for it.
    const call = checkedCall(endpoint.parse(body), contentChecks);
    const model = resolveModel(workers, call.model);
    checkModel(wishes.caller, model.name);
    checkAgainstModel(call, model);
    const head = {
      id: endpoint.idPrefix + randomId(rng),
      createdSeconds: Math.floor(clock.wallMs() / 1000),
      model: model.name,
      systemFingerprint: `sluice-${model.weights}`,
      logprobs: call.logprobsTop !== undefined,
      includeUsage: call.includeUsage,
    };
    const seed = call.seed ?? rng.below(2 ** 32);
    const order = { endpoint, call, head, seed, terms: wishes.terms, session: wishes.session ?? call.user };
    const isJournalled = call.stream && endpoint.isResumable && journals !== undefined;
    const has = isJournalled ? { streamId: journals.newStreamId(), position: -1 } : undefined;
    await this.#carry({ order, has, past: undefined }, wishes, reply);
  }

  /**
   * Gives a client the rest of a stream that it has lost, whichever gateway had it.
   * @param endpoint that is asked for it; undefined: no matter.
   * @throws ServingError when it cannot be given; then nothing has been started.
   */
  async resume(endpoint: Endpoint | undefined, has: EventId, wishes: ServiceWishes, reply: HttpReply): Promise<void> {
    const { journals, workers, admission, contentChecks } = this.#parts;
    if (this.#isDraining) throw drainingError();
    if (endpoint?.isResumable === false) {
      throw fieldError('last-event-id', `streams of ${endpoint.path} are not kept; the request can be sent again`);
    }
    if (journals === undefined) throw fieldError('last-event-id', 'this gateway keeps no journals of streams');
    const past = await journals.find(has, wishes.terms.client ?? '');
    const { order } = past;
    const { path } = order.endpoint;
    if (endpoint !== undefined && endpoint.path !== path) throw fieldError('last-event-id', `its stream is of ${path}`);
    checkModel(wishes.caller, order.head.model);
    if (!past.hasEnded) {
      resolveModel(workers, order.head.model);
      await this.#carry({ order, has, past }, { ...wishes, terms: order.terms }, reply);
      return;
    }
    if (reply.isOver) return;
    const release = admission.admit();
    if (release instanceof ServingError) throw release;
    reply.onClose(release);
    const told = { promptTokens: 0, generatedTokens: 0 };
    const refused = { usage: () => ({ ...told, cachedTokens: 0 }), onRefused: () => {} };
    await retell(past.events, openWriter(order, has, reply, contentChecks, refused), reply, told);
  }

  /** From an order to its relay: all of it, or what is missing of the past. */
  async #carry({ order, has, past }: Journey, wishes: ServiceWishes, reply: HttpReply): Promise<void> {
    const { workers, routing, admission, limits, contentChecks, journals, metrics, clock } = this.#parts;
    const { call, head } = order;

    // routing: what there is to know of the request before it is placed.
    const routed = routing.describe(workers, head.model, call.prompt, order.session);
    const views = readyViews(workers, head.model);
    if (views.length === 0) throw noWorkerError();

    // admission: what the caller may still use, and a place; held until the connection has closed or taken the whole reply,
    // be that an error.
    const reservation = await reserveLimits(
      limits,
      wishes.caller,
      routed.promptTokens + (call.tokensMax || ANSWER_TOKENS),
    );
    const release = reply.isOver ? undefined : admission.admit();
    if (release === undefined || release instanceof ServingError) {
      void reservation.settle(0);
      if (release === undefined) return;
      throw release;
    }
    reply.onClose(() => {
      const { promptTokens, generatedTokens } = reply.record;
      void reservation.settle(promptTokens + generatedTokens);
      release();
    });
    const newcomer: Newcomer = {
      ...this.#shareOf(wishes, routed),
      // Nothing waits between the choice and the submit, so no other choice sees the same view.
      start: () => {
        const needsTokenIds = past !== undefined;
        const worker = chooseWorker(workers, routing.policy, routed, { where: hasRoom, needsTokenIds });
        if (worker === undefined) {
          relay.abort(noWorkerError());
          return;
        }
        // Another engine would not make the same answer twice.
        if (worker.knowsTokenIds) journal?.begin();
        relay.start(worker, request, dispatch);
      },
      refuse: (error) => relay.abort(error),
    };
    const quoteMs = this.quotes.quoteMs(this.#predictMs(newcomer, routed, views));
    reply.setHeader('x-sluice-ttft-quote-ms', `${quoteMs}`);
    for (const [name, value] of Object.entries(reservation.headers)) reply.setHeader(name, value);

    // relay: the way back to the client.
    const told = { promptTokens: 0, generatedTokens: 0 };
    const refused: Refused = {
      usage: () => ({
        promptTokens: reply.record.promptTokens || told.promptTokens,
        generatedTokens: told.generatedTokens + reply.record.generatedTokens,
        cachedTokens: reply.record.cachedTokens,
      }),
      onRefused: () => relay.endRefused(),
    };
    const writer = openWriter(order, has, reply, contentChecks, refused);
    const onTaken = (): void => relay.abort(takenError());
    const journal = has && (past ? journals?.goOn(past, onTaken) : journals?.begin(has.streamId, order, onTaken));
    const recording = journal === undefined ? writer : recordingWriter(writer, journal);
    const relay = new Relay(call, recording, reply, metrics, this.#room);
    const generatedTokenIds = past?.events.flatMap(({ tokenIds }) => tokenIds) ?? [];
    const request = {
      ...toGenerateRequest(call, reply.record.requestId, order.seed),
      terms: wishes.terms,
      generatedTokenIds,
    };
    const terms = { model: head.model, isSeeded: call.seed !== undefined };
    const dispatch: Dispatch = {
      choose: (except, isResumed) => {
        const needsTokenIds = isResumed || journal?.hasBegun === true;
        return chooseWorker(workers, routing.policy, routed, { except, needsTokenIds });
      },
      send: (chosen, rest, next) => {
        const { listener, uncachedTokens } = routing.send(chosen, routed, next, clock.nowMs());
        if (past === undefined || has === undefined) return chosen.submit(rest, uncachedTokens, listener, terms);
        return new AlignedGeneration(rest, has.position, listener, (again, aligned) =>
          chosen.isReady ? chosen.submit(again, uncachedTokens, aligned, terms) : undefined,
        );
      },
    };
    if (past) await retell(past.events, writer, reply, told);
    if (reply.isOver) return;

    // workers: off it goes, now or when one has room, and again whenever a worker does not finish it.
    const refusal = this.queue.enter(newcomer);
    if (refusal !== undefined) {
      if (!reply.isStarted) throw refusal;
      relay.abort(refusal);
      return;
    }
    this.#relays.add(relay);
    reply.onClose(() => {
      this.queue.leave(newcomer);
      relay.onClientGone();
      const { firstTokenMs } = reply.record;
      if (firstTokenMs !== undefined) this.quotes.settle(quoteMs, firstTokenMs);
      this.#relays.delete(relay);
    });
  }

  /** To be called when a worker may have more room than before. */
  letIn(): void {
    this.queue.letIn();
  }

  #shareOf({ terms, queueMsMax }: ServiceWishes, { model, promptTokens }: RoutedRequest) {
    const arrivalMs = this.#parts.clock.nowMs();
    return {
      model,
      key: terms.client ?? '',
      class: queueClassOf(terms.priority),
      tokens: promptTokens,
      arrivalMs,
      deadlineMs: arrivalMs + Math.min(queueMsMax ?? Number.POSITIVE_INFINITY, this.#parts.queueMsMax),
    };
  }

  /** Milliseconds until its first token, by what is in front of it. */
  #predictMs(
    newcomer: Pick<Newcomer, 'model' | 'key' | 'class'>,
    routed: RoutedRequest,
    views: readonly WorkerView[],
  ): number {
    const tokensAhead = this.queue.tokensAhead(newcomer);
    const queuedMs = tokensAhead === 0 ? 0 : drainMs(views, tokensAhead);
    return queuedMs + Math.min(...views.map((view) => predictFirstTokenMs(view, routed)));
  }

  /** Lets connections end with the replies that are under way. */
  endConnections(): void {
    for (const relay of this.#relays) relay.endConnection();
  }

  /**
   * Refuses new requests from now on and waits for those in flight; what has not ended after `deadlineMs` is ended
   * with an error that its client sees.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { admission, clock } = this.#parts;
    this.#isDraining = true;
    const stopAbort = clock.after(deadlineMs, () => {
      this.queue.refuseAll(drainingError());
      for (const relay of this.#relays) relay.abort(drainingError());
    });
    // A client that does not even read its error is not waited for.
    const isLate = new Promise<void>((resolve) => {
      const stopWait = clock.after(deadlineMs + flushMs, resolve);
      void admission.empty().then(() => {
        stopWait();
        resolve();
      });
    });
    await isLate;
    stopAbort();
    this.queue.close();
  }
}

function queueClassOf(priority: ServiceTermsInit['priority']): QueueClass {
  if (priority === 'PRIORITY_HIGH') return 'high';
  return priority === 'PRIORITY_LOW' ? 'low' : 'normal';
}

/** 28 characters that hold 128 random bits. */
export function randomId(rng: Rng): string {
  const part = (): string =>
    rng
      .below(2 ** 32)
      .toString(36)
      .padStart(7, '0');
  return part() + part() + part() + part();
}

function drainingError(): ServingError {
  return new ServingError('draining', 'the gateway is shutting down; the request can be sent to another one');
}

function takenError(): ServingError {
  return new ServingError('stream_taken', 'the stream goes on at another connection, which gave its last-event-id');
}

function noWorkerError(): ServingError {
  return new ServingError('no_worker', 'no worker takes requests at the moment; try again shortly');
}
