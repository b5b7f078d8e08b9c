import type { ModelInfo, ServiceTermsInit } from '@sluice/proto';
import { type Rng, ServingError } from '@sluice/shared';
import { AdmissionQueue } from './admission/admission-queue.js';
import { FirstTokenForecast } from './admission/first-token-forecast.js';
import { takePlace } from './admission/place.js';
import { queueTerms } from './admission/queue-terms.js';
import { Quotes } from './admission/quotes.js';
import { hasRoom } from './admission/room.js';
import type { Endpoint } from './api/endpoint.js';
import { fieldError } from './api/field-error.js';
import { withSuffix } from './api/fill-in.js';
import { checkAgainstModel, type GenerationCall, type Prompt } from './api/generation-call.js';
import { type OwnResponses, ownResponses } from './api/responses/kept-responses.js';
import { type Caller, checkModel } from './auth/caller.js';
import { checkedCall } from './content/checked-call.js';
import type { GatewayParts, ServiceWishes } from './gateway-parts.js';
import type { HttpReply } from './http/http-reply.js';
import { choicesOf } from './relay/choice.js';
import { CHOICES_AT_ONCE, depart } from './relay/departure.js';
import { Gathering } from './relay/gathering.js';
import { openWriters } from './relay/open-writer.js';
import { Passage, type SharedPrompt } from './relay/passage.js';
import { WaitingRoom } from './relay/waiting-room.js';
import { noWorkerError, readyViews, resolveModel } from './routing/router.js';
import type { EventId } from './streams/event-id.js';
import type { Order } from './streams/order.js';
import { retell } from './streams/retell.js';
import type { PastStream } from './streams/stream-journals.js';
import { withModelTools } from './tools/model-tools.js';
import type { WorkerSet } from './workers/worker-set.js';
import { askWorker } from './workers/worker-text.js';

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
    const { workers, contentChecks, journals } = this.#parts;
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
    const order = this.#order(endpoint, call, model, wishes);
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
      await this.#carry({ order, has, past }, wishes, reply);
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
    const { workers, contentChecks, journals, clock } = this.#parts;
    const { call, head, terms } = order;
    const choices = choicesOf(call);

    // routing: what there is to know of the prompts before they are placed.
    const prompts = call.prompts.map((prompt) => this.#share(prompt, order));
    const views = readyViews(workers, head.model);
    if (views.length === 0) throw noWorkerError();

    // admission: what the caller may still use, and a place for each choice.
    const tokens = tokensMax(call, prompts);
    const places = Math.min(choices.length, CHOICES_AT_ONCE);
    const headers = await takePlace(this.#parts, { caller: wishes.caller, tokens, choices: places }, reply);
    if (headers === undefined) return;
    const waitMs = Math.min(wishes.queueMsMax ?? Number.POSITIVE_INFINITY, this.#parts.queueMsMax);
    const termsNow = () => queueTerms(terms, head.model, clock.nowMs(), waitMs);
    const ahead = this.queue.ahead(termsNow());
    const quote = this.quotes.quote(this.#forecast.firstToken(views, ahead, prompts[0]!.toForecast));
    reply.setHeader('x-sluice-ttft-quote-ms', `${quote.ms}`);
    for (const [name, value] of Object.entries(headers)) reply.setHeader(name, value);

    // relay: the ways back to the client.
    const gathering = new Gathering(choices.length, reply);
    const responses = this.responsesOf(terms);
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
    const endForecasts = depart(passages, { queue: this.queue, forecast: this.#forecast, gathering, termsNow });
    this.#gatherings.add(gathering);
    reply.onClose(() => {
      gathering.onClientGone();
      const { firstTokenMs } = reply.record;
      if (firstTokenMs !== undefined) quote.settle(firstTokenMs);
      endForecasts();
      this.#gatherings.delete(gathering);
    });
  }

  /** What a call becomes, once there is nothing left to check. */
  #order(endpoint: Endpoint, call: GenerationCall, model: ModelInfo, { terms, session }: ServiceWishes): Order {
    const { clock, rng } = this.#parts;
    const head = {
      id: endpoint.idPrefix + randomId(rng),
      createdSeconds: Math.floor(clock.wallMs() / 1000),
      model: model.name,
      systemFingerprint: fingerprintOf(model),
      logprobs: call.logprobsTop !== undefined,
      logprobsTop: call.logprobsTop ?? 0,
      promptLogprobsTop: call.promptLogprobsTop,
      includeUsage: call.includeUsage,
    };
    return { endpoint, call, head, seed: call.seed ?? rng.below(2 ** 32), terms, session: session ?? call.user };
  }

  /** What the choices of a prompt have in common. */
  #share(prompt: Prompt, { call, head, session, terms }: Order): SharedPrompt {
    const { routing, workers } = this.#parts;
    const routed = routing.describe(workers, head.model, prompt, session);
    const toForecast = { ...routed, client: terms.client ?? '', tokensMax: call.tokensMax };
    if (call.samplesDrawn > 1) this.#groups = (this.#groups % 2 ** 31) + 1;
    return { routed, toForecast, group: call.samplesDrawn > 1 ? this.#groups : 0, worker: undefined };
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

/** 28 characters that hold 128 random bits. */
export function randomId(rng: Rng): string {
  const part = (): string =>
    rng
      .below(2 ** 32)
      .toString(36)
      .padStart(7, '0');
  return part() + part() + part() + part();
}

/** The same for models whose answers to the same request are the same, given the same kind of processor. */
function fingerprintOf({ weights, kernels, kv }: ModelInfo): string {
  return ['sluice', weights, kernels, kv].filter((part) => part !== '').join('-');
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
