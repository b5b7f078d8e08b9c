import type { ServerWritableStream } from '@grpc/grpc-js';
import type { GenerateEventInit, GenerateRequest } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { DeltaBuffer, type Outlet } from './delta-buffer.js';
import type { ServiceLimits } from './limits.js';
import type { LiveRequest } from './live-request.js';
import type { LiveRequests } from './live-requests.js';
import { statusOf } from './messages.js';

export type GenerateServerCall = ServerWritableStream<GenerateRequest, GenerateEventInit>;

/**
 * Answers a call that carries one request: an event a step, merged while the reader is behind. A failure ends the call
 * with the status of its row; a client that leaves cancels the request.
 */
export function serveGenerate(call: GenerateServerCall, requests: LiveRequests, limits: ServiceLimits): void {
  new GenerateOutlet(call, requests, limits);
}

class GenerateOutlet implements Outlet {
  readonly buffer = new DeltaBuffer();
  readonly #call: GenerateServerCall;
  readonly #requests: LiveRequests;
  readonly #limits: ServiceLimits;
  readonly #live: LiveRequest;
  #isClosed = false;

  constructor(call: GenerateServerCall, requests: LiveRequests, limits: ServiceLimits) {
    this.#call = call;
    this.#requests = requests;
    this.#limits = limits;
    call.on('drain', () => this.flush());
    call.on('cancelled', () => this.#close());
    call.on('error', () => this.#close());
    this.#live = requests.start(call.request, 0, this);
  }

  flush(): void {
    if (this.buffer.isEmpty || this.#isClosed) return;
    if (this.#call.writableNeedDrain) {
      this.#cutSlowReader();
    } else {
      for (const { event } of this.buffer.take()) if (event) this.#send(event);
    }
  }

  requestEnded(): void {}

  #send(event: GenerateEventInit): void {
    const { failed: _failed, ...rest } = event;
    if (this.#live.failure === undefined || rest.tokenIds?.length) this.#call.write(rest);
    if (this.#live.failure !== undefined) {
      this.#fail(this.#live.failure);
    } else if (this.#live.hasEnded) {
      this.#close();
      this.#call.end();
    }
  }

  #cutSlowReader(): void {
    const { pendingBytesMax } = this.#limits;
    if (this.buffer.bytes <= pendingBytesMax) return;
    const message = `the client has not read: ${this.buffer.bytes} bytes wait, at most ${pendingBytesMax} may`;
    this.#fail(new ServingError('slow_reader', message));
  }

  #fail(error: ServingError): void {
    this.#close();
    this.#call.emit('error', statusOf(error));
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#requests.drop(this.#live);
  }
}
