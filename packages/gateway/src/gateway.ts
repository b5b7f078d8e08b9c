import type { ServiceTermsInit } from '@sluice/proto';
import { type Clock, type Rng, ServingError } from '@sluice/shared';
import type { LimitStore, ResponseStore } from '@sluice/store';
import type { Admission } from './admission/admission.js';
import { AdmissionQueue, type Newcomer } from './admission/admission-queue.js';
import type { FairQueueLimits, QueueClass } from './admission/fair-queue.js';
import { FirstTokenForecast } from './admission/first-token-forecast.js';
import { takePlace } from './admission/place.js';
import { Quotes } from './admission/quotes.js';
import { hasRoom } from './admission/room.js';
import type { Endpoint } from './api/endpoint.js';
import { fieldError } from './api/field-error.js';
import { withSuffix } from './api/fill-in.js';
import { checkAgainstModel, type GenerationCall } from './api/generation-call.js';
import { type OwnResponses, ownResponses } from './api/responses/kept-responses.js';
import { type Caller, checkModel } from './auth/caller.js';
import { checkedCall } from './content/checked-call.js';
import type { ContentCheck } from './content/content-check.js';
import type { HttpReply } from './http/http-reply.js';
import type { GatewayMetrics } from './metrics/metrics.js';
import { choicesOf } from './relay/choice.js';
import { Gathering } from './relay/gathering.js';
import { openWriters } from './relay/open-writer.js';
import { Passage, type SharedPrompt } from './relay/passage.js';
import { WaitingRoom } from './relay/waiting-room.js';
import { noWorkerError, readyViews, resolveModel } from './routing/router.js';
import type { Routing } from './routing/routing.js';
import type { EventId } from './streams/event-id.js';
import type { Order } from './streams/order.js';
import { retell } from './streams/retell.js';
import type { PastStream, StreamJournals } from './streams/stream-journals.js';
import { withModelTools } from './tools/model-tools.js';
import type { WorkerSet } from './workers/worker-set.js';
import { askWorker } from './workers/worker-text.js';

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
  /** That callers may ask for again. */
  readonly responses: ResponseStore;
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

/** Of one reply, on their way at the same time: the others follow as these end, so that everybody else has room too. */
const CHOICES_AT_ONCE = 64;

/** Milliseconds that clients get to read the error which ends them at the deadline of a drain. */
const flushMs = 1_000;

/** The whole story of a request for text, from a body that has been read to the relay that carries its tokens. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #gatherings = new Set<Gathering>();
  readonly #room: WaitingRoom;
  readonly #forecast: FirstTokenForecast;
  readonly queue: AdmissionQueue;
  readonly quotes = new Quotes();
  #isDraining = false;
  #groups = 0;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#room = new WaitingRoom(parts.clock, parts.resumeWaitMs);
    this.#forecast = new FirstTokenForecast(parts.clock);
    this.queue = new AdmissionQueue(parts.queueLimits, {
      clock: parts.clock,
      hasRoom: (model) => readyViews(parts.workers, model).some(hasRoom),
      drainMs: (model, ahead) => this.#forecast.drainMs(readyViews(parts.workers, model), ahead, model),
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
    const asked = endpoint.parse(body);
    const whole = (await endpoint.prepare?.(asked, this.responsesOf(wishes.terms))) ?? asked;
    const checked = checkedCall(whole, contentChecks);
    const model = resolveModel(workers, checked.model);
    checkModel(wishes.caller, model.name);
    const filled = await withSuffix(checked, model, (question) => askWorker(workers.workers, model, question));
    const call = withModelTools(filled, model);
    checkAgainstModel(call, model);
    const head = {
      id: endpoint.idPrefix + randomId(rng),
      createdSeconds: Math.floor(clock.wallMs() / 1000),
      model: model.name,
      systemFingerprint: `sluice-${model.weights}`,
      logprobs: call.logprobsTop !== undefined,
      logprobsTop: call.logprobsTop ?? 0,
      promptLogprobsTop: call.promptLogprobsTop,
      includeUsage: call.includeUsage,
    };
    const seed = call.seed ?? rng.below(2 ** 32);
    const order = { endpoint, call, head, seed, terms: wishes.terms, session: wishes.session ?? call.user };
    const isJournalled = call.stream && endpoint.isResumable && isPlain(call);
    const has = isJournalled && journals ? { streamId: journals.newStreamId(), position: -1 } : undefined;
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
    const gathering = new Gathering(1, reply);
    const responses = this.responsesOf(wishes.terms);
    const open = openWriters({ order, has, reply, gathering, checks: contentChecks, responses });
    await retell(past.events, open(choicesOf(order.call)[0]!, refused), reply, told);
  }

  /** What is kept of the answers to a caller. */
  responsesOf({ client = '' }: ServiceTermsInit): OwnResponses {
    return ownResponses(this.#parts.responses, client);
  }

  /** From an order to its relays: all of it, or what is missing of the past. */
  async #carry({ order, has, past }: Journey, wishes: ServiceWishes, reply: HttpReply): Promise<void> {
    const { workers, routing, contentChecks, journals } = this.#parts;
    const { call, head } = order;
    const choices = choicesOf(call);

    // routing: what there is to know of the prompts before they are placed.
    const prompts = call.prompts.map(
      (prompt): SharedPrompt => ({
        routed: routing.describe(workers, head.model, prompt, order.session),
        group: call.samplesDrawn === 1 ? 0 : this.#nextGroup(),
        worker: undefined,
      }),
    );
    const views = readyViews(workers, head.model);
    if (views.length === 0) throw noWorkerError();

    // admission: what the caller may still use, and a place for each choice.
    const tokens = tokensMax(call, prompts);
    const places = Math.min(choices.length, CHOICES_AT_ONCE);
    const headers = await takePlace(this.#parts, { caller: wishes.caller, tokens, choices: places }, reply);
    if (headers === undefined) return;
    const share = this.#shareOf(wishes, head.model);
    const toForecast = ({ routed }: SharedPrompt) => ({ ...routed, client: share.key, tokensMax: call.tokensMax });
    const quote = this.quotes.quote(this.#forecast.firstToken(views, this.queue.ahead(share), toForecast(prompts[0]!)));
    reply.setHeader('x-sluice-ttft-quote-ms', `${quote.ms}`);
    for (const [name, value] of Object.entries(headers)) reply.setHeader(name, value);

    // relay: the ways back to the client.
    const gathering = new Gathering(choices.length, reply);
    const responses = this.responsesOf(wishes.terms);
    const told = { promptTokens: 0, generatedTokens: 0 };
    const onTaken = (): void => gathering.abort(takenError());
    const journal = has && (past ? journals?.goOn(past, onTaken) : journals?.begin(has.streamId, order, onTaken));
    const openWriter = openWriters({ order, has, reply, gathering, checks: contentChecks, responses });
    const voyage = { order, reply, gathering, openWriter, has, past, told, journal };
    const parts = { ...this.#parts, room: this.#room };
    const passages = choices.map((choice) => new Passage(parts, voyage, choice, prompts[choice.promptIndex]!));
    if (past) await retell(past.events, passages[0]!.writer, reply, told);
    if (reply.isOver) return;

    // workers: off they go, now or when one has room, and again whenever a worker does not finish one.
    const endForecasts: (() => void)[] = [];
    const newcomerOf = (passage: Passage, index: number): Newcomer => {
      const { promptIndex, sample } = choices[index]!;
      const prompt = prompts[promptIndex]!;
      return {
        ...this.#shareOf(wishes, head.model),
        // Only one of a prompt's choices computes it.
        tokens: sample === 0 ? prompt.routed.promptTokens : 1,
        start: () => {
          if (passage.start()) endForecasts.push(this.#forecast.begin(toForecast(prompt), passage.relay));
        },
        refuse: (error) => passage.relay.abort(error),
      };
    };
    let entered = 0;
    const enterNext = (): void => {
      const passage = passages[entered];
      if (passage === undefined || gathering.isOver) return;
      const newcomer = newcomerOf(passage, entered);
      entered += 1;
      passage.relay.waitIn(() => this.queue.leave(newcomer));
      const refusal = this.queue.enter(newcomer);
      if (refusal !== undefined) gathering.abort(refusal);
    };
    gathering.onEnd(enterNext);
    for (let choice = 0; choice < CHOICES_AT_ONCE; choice++) enterNext();
    this.#gatherings.add(gathering);
    reply.onClose(() => {
      gathering.onClientGone();
      const { firstTokenMs } = reply.record;
      if (firstTokenMs !== undefined) quote.settle(firstTokenMs);
      for (const end of endForecasts) end();
      this.#gatherings.delete(gathering);
    });
  }

  /**
   * A place for a call that no worker generates anything for, held until its reply is closed.
   * @returns false: the client has left meanwhile.
   * @throws (rejects) ServingError where there is none.
   */
  async admit(caller: Caller, reply: HttpReply): Promise<boolean> {
    if (this.#isDraining) throw drainingError();
    const headers = await takePlace(this.#parts, { caller, tokens: 0, choices: 1 }, reply);
    for (const [name, value] of Object.entries(headers ?? {})) reply.setHeader(name, value);
    return headers !== undefined;
  }

  /** To be called when a worker may have more room than before. */
  letIn(): void {
    this.queue.letIn();
  }

  #shareOf({ terms, queueMsMax }: ServiceWishes, model: string) {
    const arrivalMs = this.#parts.clock.nowMs();
    return {
      model,
      key: terms.client ?? '',
      class: queueClassOf(terms.priority),
      arrivalMs,
      deadlineMs: arrivalMs + Math.min(queueMsMax ?? Number.POSITIVE_INFINITY, this.#parts.queueMsMax),
    };
  }

  #nextGroup(): number {
    this.#groups = (this.#groups % 2 ** 31) + 1;
    return this.#groups;
  }

  /** Lets connections end with the replies that are under way. */
  endConnections(): void {
    for (const gathering of this.#gatherings) gathering.endConnection();
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
      for (const gathering of this.#gatherings) gathering.abort(drainingError());
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

/** Whether it asks for one answer that is all text: then how far a client has come follows from the number of its tokens. */
function isPlain({ prompts, samplesDrawn, echo, tools }: GenerationCall): boolean {
  return prompts.length * samplesDrawn === 1 && !echo && tools === undefined;
}

/** Of prompts and answers together, as many as there may be; estimated. */
function tokensMax(call: GenerationCall, prompts: readonly SharedPrompt[]): number {
  const promptTokens = prompts.reduce((sum, { routed }) => sum + routed.promptTokens, 0);
  const answerTokens = call.generatesNothing ? 0 : call.tokensMax || ANSWER_TOKENS;
  return promptTokens + prompts.length * call.samplesDrawn * answerTokens;
}
