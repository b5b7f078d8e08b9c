import type { DeltaInit } from '@sluice/proto';
import type { LiveRequest } from './live-request.js';

/**
 * What the requests of one reader gained and it has not been sent: one delta a request, however many steps it waits.
 * So a reader that falls behind costs no more than its tokens.
 */
export class DeltaBuffer {
  #requests: LiveRequest[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** About as many as the deltas take on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A request with something to send that had nothing before. */
  add(request: LiveRequest): void {
    this.#requests.push(request);
    this.#bytes += 16;
  }

  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Empties it. Deltas are in the order in which the requests first gained something. */
  take(): DeltaInit[] {
    const deltas = this.#requests.map((request) => request.takeDelta());
    this.#requests = [];
    this.#bytes = 0;
    return deltas;
  }
}

/** Where the deltas of a request go: a gateway's stream, or a call of its own. */
export interface Outlet {
  readonly buffer: DeltaBuffer;
  /** Sends what the buffer holds, if the reader keeps up. */
  flush(): void;
  /** The last delta of this request is in the buffer. */
  requestEnded(request: LiveRequest): void;
}
