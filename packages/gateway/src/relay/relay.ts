import type { GenerateEvent, GenerateRequestInit } from '@sluice/proto';
import { type Clock, type ErrorCode, ServingError } from '@sluice/shared';
import type { GenerationCall } from '../api/generation-call.js';
import { finishReasonOf } from '../api/reply-format.js';
import { callerError } from '../api/worker-error.js';
import type { HttpReply } from '../http/http-reply.js';
import type { GatewayMetrics } from '../metrics/metrics.js';
import type { WorkerId } from '../routing/policy.js';
import type { Generation, GenerationListener, Worker } from '../workers/worker.js';
import { Attempts, DEATHS_MAX } from './attempts.js';
import type { Choice } from './choice.js';
import type { Gathering, GatheringMember } from './gathering.js';
import { Journal } from './journal.js';
import type { ReplyWriter } from './reply-writer.js';
import type { WaitingRoom } from './waiting-room.js';

/** How a request gets to a worker, the first time and every other. */
export interface Dispatch {
  /**
   * A worker that takes it now; undefined when there is none.
   * @param needsTokenIds it goes on behind tokens that have come.
   */
  choose(except: ReadonlySet<WorkerId>, needsTokenIds: boolean): Worker | undefined;
  /** The listener hears of it from the next frame on, never before this returns. */
  send(worker: Worker, request: GenerateRequestInit, listener: GenerationListener): Generation;
  /** The writer of an answer that begins anew; undefined where the client has some of it. */
  startOver(): ReplyWriter | undefined;
}

/** The errors of workers that are no answer: another worker can do it. */
interface Trouble {
  /** The worker did not give the request back: perhaps it was the request. */
  readonly isDeath: boolean;
  /** Whether it is worth waiting for a worker where none takes it now. */
  readonly isBrief: boolean;
}

const troubles: ReadonlyMap<ErrorCode, Trouble> = new Map([
  ['worker_lost', { isDeath: true, isBrief: true }],
  ['engine_failed', { isDeath: true, isBrief: false }],
  ['draining', { isDeath: false, isBrief: true }],
  ['queue_full', { isDeath: false, isBrief: false }],
  ['model_unusable', { isDeath: false, isBrief: false }],
]);

export interface RelayParts {
  readonly call: GenerationCall;
  readonly choice: Choice;
  readonly writer: ReplyWriter;
  readonly gathering: Gathering;
  readonly reply: HttpReply;
  readonly metrics: GatewayMetrics;
  readonly room: WaitingRoom;
  readonly clock: Clock;
}

/**
 * Carries one choice's events from its worker to its client, and the client's leaving the other way. When the worker is
 * lost, fails or gives the request back, it goes on at another one, behind the tokens that have come. Ends once: with
 * the last event, a failure that no other worker can help, a client that left or does not read, or the gateway's
 * deadline.
 */
export class Relay implements GenerationListener, GatheringMember {
  readonly #call: GenerationCall;
  readonly #choice: Choice;
  readonly #gathering: Gathering;
  #writer: ReplyWriter;
  readonly #reply: HttpReply;
  readonly #metrics: GatewayMetrics;
  readonly #room: WaitingRoom;
  readonly #clock: Clock;
  readonly #attempts = new Attempts();
  /** What {@link start} was given. */
  #course: { readonly dispatch: Dispatch; readonly journal: Journal } | undefined;
  #worker: Worker | undefined;
  #generation: Generation | undefined;
  /** Whether the worker that has it has said something of it. */
  #isHeardOf = false;
  #leaveRoom: () => void = () => {};
  #isOver = false;
  #finish: string | undefined;
  #generatedTokens = 0;
  #lastTokenMs: number | undefined;

  constructor({ call, choice, writer, gathering, reply, metrics, room, clock }: RelayParts) {
    this.#call = call;
    this.#choice = choice;
    this.#writer = writer;
    this.#gathering = gathering;
    this.#reply = reply;
    this.#metrics = metrics;
    this.#room = room;
    this.#clock = clock;
    gathering.join(this);
  }

  /** Tokens that its workers have generated. */
  get generatedTokens(): number {
    return this.#generatedTokens;
  }

  /** How it ended: `stop`, `length`, `cancelled` or an error code. */
  get finish(): string | undefined {
    return this.#finish;
  }

  /** Until it is started it waits, where `leave` takes it away once nothing more is wanted of it. */
  waitIn(leave: () => void): void {
    this.#leaveRoom = leave;
  }

  /** Sends the request to the worker that was chosen for it. */
  start(worker: Worker, request: GenerateRequestInit, dispatch: Dispatch): void {
    this.#leaveRoom = () => {};
    this.#course = { dispatch, journal: new Journal(request) };
    this.#send(worker);
  }

  onEvent(event: GenerateEvent, nowMs: number): void {
    if (this.#isOver) return;
    this.#isHeardOf = true;
    if (event.accepted) this.#gathering.accept(this.#choice, event.accepted.promptTokens);
    if (event.tokenIds.length > 0) {
      this.#course?.journal.add(event.tokenIds);
      this.#countTokens(event.tokenIds.length, nowMs);
    }
    const error = this.#errorIn(event);
    if (error !== undefined) {
      // What came with it is part of the answer.
      if (this.#writer.write({ ...event, finished: null })) this.#moveOn(error);
      else this.#giveUp();
    } else {
      if (event.finished) {
        this.#end(finishReasonOf(event.finished));
        this.#metrics.countObjectives(event.finished);
      }
      if (!this.#writer.write(event)) this.#giveUp();
      else if (event.finished) this.#reply.record.cachedTokens = this.#gathering.usage.cachedTokens;
    }
  }

  onLost(error: ServingError): void {
    if (!this.#isOver) this.#moveOn(error);
  }

  /** The connection to the client is gone. */
  onClientGone(): void {
    if (this.#isOver) return;
    this.#end('cancelled');
    this.#leaveRoom();
    this.#generation?.cancel();
  }

  /** What has come of the answer is not fit to be passed on, and the client has been told so. */
  endRefused(): void {
    this.#end('content_filter');
    this.#generation?.cancel();
  }

  /** Its reply has ended without it. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leaveRoom();
    this.#generation?.cancel();
  }

  /** Ends what has not ended by itself, with an error that the client sees. */
  abort(error: ServingError): void {
    if (this.#isOver) return;
    this.#fail(error);
    this.#leaveRoom();
    this.#generation?.cancel();
  }

  #errorIn({ failed, finished }: GenerateEvent): ServingError | undefined {
    if (failed) return callerError(failed, this.#call);
    if (finished?.reason !== 'FINISH_REASON_CANCELLED') return undefined;
    return new ServingError('draining', 'the worker ended this request while it stopped; it can be sent again');
  }

  /** To another worker, if one can help; else the client hears of the error. */
  #moveOn(error: ServingError): void {
    const trouble = troubles.get(error.code);
    if (trouble === undefined || this.#worker === undefined) {
      this.#fail(error);
      return;
    }
    this.#generation = undefined;
    this.#attempts.leave(this.#worker, {
      isDeath: trouble.isDeath,
      isSilentLoss: !this.#isHeardOf && !this.#worker.isAttached,
      nowMs: this.#clock.nowMs(),
    });
    if (this.#attempts.isPoisonous) {
      this.#metrics.countMove('poisoned', error.code);
      const problem = `${DEATHS_MAX} workers were lost with this request, one after the other; no other gets it`;
      this.#fail(new ServingError('worker_lost', problem, { cause: error }));
      return;
    }
    if (this.#course?.journal.isBroken !== false && !this.#startOver()) {
      this.#strand(error);
      return;
    }
    const goOn = (): boolean => this.#goOn(error.code);
    if (!this.#attempts.areSpent && goOn()) return;
    if (trouble.isBrief && !this.#attempts.areSpent) {
      this.#leaveRoom = this.#room.enter(goOn, () => this.#strand(error));
    } else {
      this.#strand(error);
    }
  }

  /** Nobody can go on behind what has come; where the client has nothing of it, it is made anew. */
  #startOver(): boolean {
    const writer = this.#course?.dispatch.startOver();
    if (writer === undefined) return false;
    this.#writer = writer;
    this.#course?.journal.startOver();
    this.#reply.record.generatedTokens -= this.#generatedTokens;
    this.#generatedTokens = 0;
    return true;
  }

  /** False when no worker takes it now. */
  #goOn(reason: ErrorCode): boolean {
    if (this.#course === undefined) return false;
    const { dispatch, journal } = this.#course;
    const isResumed = journal.tokens > 0;
    const worker =
      dispatch.choose(this.#attempts.tried, isResumed) ?? dispatch.choose(this.#attempts.triedAndNotBack, isResumed);
    if (worker === undefined) return false;
    this.#metrics.countMove(isResumed ? 'resumed' : 'retried', reason);
    this.#send(worker);
    return true;
  }

  #send(worker: Worker): void {
    if (this.#course === undefined) return;
    const { dispatch, journal } = this.#course;
    this.#worker = worker;
    this.#isHeardOf = false;
    this.#generation = dispatch.send(worker, journal.rest, this);
  }

  #strand(error: ServingError): void {
    this.#metrics.countMove('stranded', error.code);
    this.#fail(error);
  }

  #end(finish: string): void {
    this.#isOver = true;
    this.#finish = finish;
    this.#reply.record.finish = finish;
  }

  #fail(error: ServingError): void {
    this.#end(error.code);
    this.#writer.fail(error);
  }

  /** No error event: it would wait behind everything that the client does not read. */
  #giveUp(): void {
    this.#end('slow_reader' satisfies ServingError['code']);
    this.#generation?.cancel();
    this.#gathering.fail();
    this.#reply.destroy();
  }

  #countTokens(count: number, nowMs: number): void {
    const { record } = this.#reply;
    record.generatedTokens += count;
    this.#generatedTokens += count;
    if (record.firstTokenMs === undefined) {
      record.firstTokenMs = nowMs - record.startMs;
      this.#metrics.countFirstToken(record.firstTokenMs);
    } else if (this.#lastTokenMs !== undefined) {
      this.#metrics.countTokenGap(nowMs - this.#lastTokenMs);
    }
    this.#lastTokenMs = nowMs;
  }
}
