import type { GenerateRequestInit } from '@sluice/proto';
import { type Clock, ServingError } from '@sluice/shared';
import type { ForecastRequest } from '../admission/first-token-forecast.js';
import { hasRoom } from '../admission/room.js';
import { toGenerateRequest } from '../api/generation-call.js';
import type { HttpReply } from '../http/http-reply.js';
import type { GatewayMetrics } from '../metrics/metrics.js';
import type { WorkerId } from '../routing/policy.js';
import { chooseWorker, noWorkerError } from '../routing/router.js';
import type { RoutedRequest, Routing } from '../routing/routing.js';
import { AlignedGeneration } from '../streams/aligned-generation.js';
import type { EventId } from '../streams/event-id.js';
import type { Order } from '../streams/order.js';
import { recordingWriter } from '../streams/recording-writer.js';
import type { Told } from '../streams/retell.js';
import type { StreamJournal } from '../streams/stream-journal.js';
import type { PastStream } from '../streams/stream-journals.js';
import type { Generation, GenerationListener, Worker } from '../workers/worker.js';
import type { WorkerSet } from '../workers/worker-set.js';
import { type Choice, seedOf } from './choice.js';
import type { Gathering } from './gathering.js';
import type { openWriters } from './open-writer.js';
import { type Dispatch, Relay } from './relay.js';
import type { ReplyWriter } from './reply-writer.js';
import type { WaitingRoom } from './waiting-room.js';

export interface PassageParts {
  readonly workers: WorkerSet;
  readonly routing: Routing;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly room: WaitingRoom;
}

/** What the choices of one reply have in common. */
export interface Voyage {
  readonly order: Order;
  readonly reply: HttpReply;
  readonly gathering: Gathering;
  readonly openWriter: ReturnType<typeof openWriters>;
  /** What the client has of a stream that is written down. */
  readonly has: EventId | undefined;
  readonly past: PastStream | undefined;
  readonly told: Told;
  readonly journal: StreamJournal | undefined;
}

/** What the choices of one prompt have in common. */
export interface SharedPrompt {
  readonly routed: RoutedRequest;
  /** An answer to it. */
  readonly toForecast: ForecastRequest;
  /** See GenerateRequest.group. */
  readonly group: number;
  /** That got the first of them. */
  worker: Worker | undefined;
}

/** The way of one choice to its worker, and to another one whenever a worker does not finish it. */
export class Passage implements Dispatch {
  /** What a journal holds goes to it directly. */
  readonly writer: ReplyWriter;
  readonly relay: Relay;
  readonly #parts: PassageParts;
  readonly #voyage: Voyage;
  readonly #choice: Choice;
  readonly #shared: SharedPrompt;
  readonly #request: GenerateRequestInit;

  constructor(parts: PassageParts, voyage: Voyage, choice: Choice, shared: SharedPrompt) {
    const { order, reply, gathering, past, journal } = voyage;
    this.#parts = parts;
    this.#voyage = voyage;
    this.#shared = shared;
    this.#choice = choice;
    this.writer = this.#openWriter();
    const writer = journal === undefined ? this.writer : recordingWriter(this.writer, journal);
    const { metrics, room, clock } = parts;
    this.relay = new Relay({ call: order.call, choice, writer, gathering, reply, metrics, room, clock });
    const { requestId } = reply.record;
    this.#request = {
      ...toGenerateRequest(order.call, {
        requestId: choice.index === 0 ? requestId : `${requestId}.${choice.index}`,
        prompt: order.call.prompts[choice.promptIndex]!,
        seed: seedOf(order.call, order.seed, choice),
        group: shared.group,
      }),
      terms: order.terms,
      generatedTokenIds: past?.events.flatMap(({ tokenIds }) => tokenIds) ?? [],
    };
  }

  /** Tokens of its prompt that are computed for it: only one of a prompt's choices computes them. */
  get promptTokens(): number {
    return this.#choice.sample === 0 ? this.#shared.routed.promptTokens : 1;
  }

  get toForecast(): ForecastRequest {
    return this.#shared.toForecast;
  }

  /** Sends it to a worker that has room. @returns whether it was sent. */
  start(): boolean {
    const { past, journal } = this.#voyage;
    // Nothing waits between the choice and the submit, so no other choice sees the same view.
    const needsTokenIds = past !== undefined || this.#asksOfPrompt;
    const worker =
      this.#homeOfPrompt ?? this.#choose({ where: hasRoom, needsTokenIds }) ?? this.#choose({ needsTokenIds });
    if (worker === undefined) {
      const isElsewhere = this.#asksOfPrompt && this.#choose({}) !== undefined;
      this.relay.abort(isElsewhere ? untoldError(this.#voyage.order) : noWorkerError());
      return false;
    }
    // Another engine would not make the same answer twice.
    if (worker.knowsTokenIds) journal?.begin();
    this.relay.start(worker, this.#request, this);
    return true;
  }

  choose(except: ReadonlySet<WorkerId>, isResumed: boolean): Worker | undefined {
    const needsTokenIds = isResumed || this.#voyage.journal?.hasBegun === true || this.#asksOfPrompt;
    return this.#choose({ except, needsTokenIds });
  }

  send(worker: Worker, request: GenerateRequestInit, next: GenerationListener): Generation {
    const { routing, clock } = this.#parts;
    const { order, past, has } = this.#voyage;
    const { seed, tools, constraint } = order.call;
    const constraintField = constraint?.field;
    const terms = { model: order.head.model, isSeeded: seed !== undefined, tools, constraintField };
    const isShared = this.#shared.worker === worker;
    this.#shared.worker ??= worker;
    const sent = routing.send(worker, this.#shared.routed, next, clock.nowMs());
    // Who comes second takes the prompt over from who came first.
    const uncachedTokens = isShared ? 1 : sent.uncachedTokens;
    if (past === undefined || has === undefined) return worker.submit(request, uncachedTokens, sent.listener, terms);
    return new AlignedGeneration(request, has.position, sent.listener, (again, aligned) =>
      worker.isReady ? worker.submit(again, uncachedTokens, aligned, terms) : undefined,
    );
  }

  startOver(): ReplyWriter | undefined {
    return this.#voyage.order.call.stream ? undefined : this.#openWriter();
  }

  #openWriter(): ReplyWriter {
    const { openWriter, gathering, told, reply } = this.#voyage;
    return openWriter(this.#choice, {
      usage: () => ({
        promptTokens: gathering.promptTokensOf(this.#choice) || told.promptTokens,
        generatedTokens: told.generatedTokens + this.relay.generatedTokens,
        cachedTokens: reply.record.cachedTokens,
      }),
      onRefused: () => this.relay.endRefused(),
    });
  }

  #choose(options: Parameters<typeof chooseWorker>[3]): Worker | undefined {
    const { workers, routing } = this.#parts;
    return chooseWorker(workers, routing.policy, this.#shared.routed, options);
  }

  /** Whether it asks for what only workers of ours tell of a prompt. */
  get #asksOfPrompt(): boolean {
    const { promptLogprobs, noGeneration, pooling } = this.#request;
    return promptLogprobs === true || noGeneration === true || pooling !== undefined;
  }

  /** The worker that has the prompt already, while it could begin soon. */
  get #homeOfPrompt(): Worker | undefined {
    const { worker } = this.#shared;
    if (this.#shared.group === 0 || worker?.view === undefined) return undefined;
    return worker.isReady && hasRoom(worker.view) ? worker : undefined;
  }
}

function untoldError({ call, head }: Order): ServingError {
  const { promptLogprobsTop, embedding } = call;
  const field = embedding !== undefined ? 'input' : promptLogprobsTop !== undefined ? 'prompt_logprobs' : 'echo';
  const problem = `${field}: what is asked of the prompt is not told of ${JSON.stringify(head.model)}, which another server runs`;
  return new ServingError('unsupported_parameter', problem, { field });
}
