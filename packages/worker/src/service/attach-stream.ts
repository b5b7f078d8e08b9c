import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { DeltaInit, GatewayMessage, LoadInit, Submit, WelcomeInit, WorkerMessageInit } from '@sluice/proto';
import { type Clock, type Logger, ServingError } from '@sluice/shared';
import type { EnginePort } from '../engine/engine-port.js';
import { DeltaBuffer, type Outlet } from './delta-buffer.js';
import type { ServiceLimits } from './limits.js';
import type { LiveRequest } from './live-request.js';
import type { LiveRequests } from './live-requests.js';
import { loadMessage, statusOf } from './messages.js';

export type AttachCall = ServerDuplexStream<GatewayMessage, WorkerMessageInit>;

export interface AttachContext {
  readonly engine: EnginePort;
  readonly requests: LiveRequests;
  readonly limits: ServiceLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly welcome: () => WelcomeInit;
  readonly onClose: (stream: AttachStream) => void;
}

/**
 * One gateway's stream. States: fresh (waits for Attach) → attached → closed, by either side.
 *
 * A frame leaves when there is something in it, the frames before it are acknowledged up to the window, and the
 * transport takes more; until then deltas are merged in the buffer. A buffer that grows beyond its bound ends the
 * stream: the gateway has stopped reading.
 */
export class AttachStream implements Outlet {
  readonly buffer = new DeltaBuffer();
  readonly #call: AttachCall;
  readonly #context: AttachContext;
  readonly #live = new Map<number, LiveRequest>();
  #state: 'fresh' | 'attached' | 'closed' = 'fresh';
  #framesSent = 0;
  #framesAcknowledged = 0;
  #lastFrameMs = 0;
  #lastLoadMs = 0;
  #stopIdleTimer: () => void = () => {};

  constructor(call: AttachCall, context: AttachContext) {
    this.#call = call;
    this.#context = context;
    call.on('data', (message: GatewayMessage) => this.#receive(message));
    call.on('drain', () => this.flush());
    call.on('cancelled', () => this.#close());
    call.on('error', () => this.#close());
    call.on('end', () => {
      this.#close();
      call.end();
    });
  }

  flush(): void {
    if (this.buffer.isEmpty || this.#state !== 'attached') return;
    if (this.#canSend()) {
      this.#sendFrame();
    } else if (this.buffer.bytes > this.#context.limits.pendingBytesMax) {
      this.#cutSlowReader();
    }
  }

  requestEnded(request: LiveRequest): void {
    if (this.#live.get(request.wireId) === request) this.#live.delete(request.wireId);
  }

  /** Sends the load now, with whatever waits. */
  sendLoad(): void {
    if (this.#state !== 'attached' || !this.#canSend()) return;
    this.#lastLoadMs = Number.NEGATIVE_INFINITY;
    this.#sendFrame();
  }

  /** Cancels what came over the stream and ends it. */
  end(error: ServingError): void {
    if (this.#state === 'closed') return;
    const level = error.code === 'draining' ? 'info' : 'warn';
    this.#context.log[level]({ code: error.code, liveRequests: this.#live.size }, `stream ended: ${error.message}`);
    this.#close();
    this.#call.emit('error', statusOf(error));
  }

  #receive(message: GatewayMessage): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'fresh' && message.message !== 'attach') {
      this.end(new ServingError('invalid_request', 'the first message of a stream must be attach'));
      return;
    }
    if (message.attach) this.#attach(message.attach.gatewayId);
    else if (message.submit) this.#submit(message.submit);
    else if (message.cancel) this.#cancel(message.cancel.id);
    else if (message.acknowledge) this.#acknowledge(message.acknowledge.frame);
    else this.end(new ServingError('invalid_request', 'a message must be one of attach, submit, cancel, acknowledge'));
  }

  #attach(gatewayId: string): void {
    if (this.#state !== 'fresh') {
      this.end(new ServingError('invalid_request', 'attach was sent twice on one stream'));
      return;
    }
    this.#state = 'attached';
    this.#context.log.info({ gatewayId: gatewayId.slice(0, 128), peer: this.#call.getPeer() }, 'gateway attached');
    this.#call.write({ welcome: this.#context.welcome() });
    this.#lastFrameMs = this.#context.clock.nowMs();
    this.#armIdleTimer(this.#context.limits.idleFrameMs);
  }

  #submit({ id, request }: Submit): void {
    const refusal = this.#refusalOf(id, request === null);
    if (refusal === undefined && request !== null) {
      this.#live.set(id, this.#context.requests.start(request, id, this));
      return;
    }
    // Whoever used an id twice cannot tell the two requests apart any more: the id fails, and both with it.
    const live = this.#live.get(id);
    if (live !== undefined) this.#context.requests.drop(live);
    this.#live.delete(id);
    if (refusal !== undefined) this.#context.requests.refuse(id, this, refusal);
  }

  #refusalOf(id: number, isEmpty: boolean): ServingError | undefined {
    const { requestsPerStreamMax } = this.#context.limits;
    if (id === 0) return new ServingError('invalid_request', 'id 0 must be at least 1', { field: 'id' });
    if (isEmpty) return new ServingError('invalid_request', 'request is missing', { field: 'request' });
    if (this.#live.has(id)) {
      return new ServingError('invalid_request', `id ${id} is already live on this stream`, { field: 'id' });
    }
    if (this.#live.size < requestsPerStreamMax) return undefined;
    return new ServingError(
      'queue_full',
      `the stream has ${this.#live.size} live requests; at most ${requestsPerStreamMax} are allowed`,
    );
  }

  #cancel(id: number): void {
    const live = this.#live.get(id);
    // Not live: its last delta and the cancel have crossed.
    if (live !== undefined) this.#context.requests.cancel(live);
  }

  #acknowledge(frame: number): void {
    if (frame > this.#framesSent) {
      const message = `acknowledge.frame ${frame} must be at most ${this.#framesSent}, the last frame sent`;
      this.end(new ServingError('invalid_request', message, { field: 'acknowledge.frame' }));
      return;
    }
    this.#framesAcknowledged = Math.max(this.#framesAcknowledged, frame);
    this.flush();
  }

  #cutSlowReader(): void {
    const waiting = `${this.buffer.bytes} bytes wait, at most ${this.#context.limits.pendingBytesMax} may`;
    const read = `it acknowledged frame ${this.#framesAcknowledged} of ${this.#framesSent}`;
    this.end(new ServingError('slow_reader', `the gateway does not read: ${read}, and ${waiting}`));
  }

  #canSend(): boolean {
    const { framesUnacknowledgedMax } = this.#context.limits;
    return this.#framesSent - this.#framesAcknowledged < framesUnacknowledgedMax && !this.#call.writableNeedDrain;
  }

  #sendFrame(): void {
    this.#framesSent += 1;
    this.#lastFrameMs = this.#context.clock.nowMs();
    const deltas = this.buffer.take();
    this.#call.write({ frame: { frame: this.#framesSent, deltas, load: this.#loadDue(deltas) } });
  }

  /** Tokens that come step by step change little of it, and to make, write and read it is as much as a frame of few. */
  #loadDue(deltas: readonly DeltaInit[]): LoadInit | null {
    const { engine, limits } = this.#context;
    if (this.#lastFrameMs - this.#lastLoadMs < limits.loadEveryMs && !deltas.some(changesLoad)) return null;
    this.#lastLoadMs = this.#lastFrameMs;
    return loadMessage(engine.load());
  }

  #armIdleTimer(delayMs: number): void {
    this.#stopIdleTimer = this.#context.clock.after(delayMs, () => {
      const { clock, limits } = this.#context;
      const restMs = this.#lastFrameMs + limits.idleFrameMs - clock.nowMs();
      if (restMs <= 0) this.sendLoad();
      this.#armIdleTimer(restMs > 0 ? restMs : limits.idleFrameMs);
    });
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#stopIdleTimer();
    for (const live of this.#live.values()) this.#context.requests.drop(live);
    this.#live.clear();
    this.#context.onClose(this);
  }
}

/** Whether a request came or went: gateways count no longer what they sent, once they hear that it is taken. */
function changesLoad({ event }: DeltaInit): boolean {
  return Boolean(event?.accepted ?? event?.finished ?? event?.failed);
}
