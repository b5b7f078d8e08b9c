import { ServingError } from '@sluice/shared';
import type { Generation, GenerationListener } from '../workers/worker-connection.js';

/**
 * Keeps together what a client has and what it lacks. Tokens behind the end of the journal are made again, and what the
 * client has of them is dropped; that needs an event to end exactly there. Where a worker sends tokens from both sides at
 * once, the text of one event cannot be told apart, and the request counts as given back: it is made again from before.
 * @param tokens that the worker does not make.
 * @param mark position that the client has.
 */
export class AlignedListener implements GenerationListener {
  readonly #next: GenerationListener;
  readonly #mark: number;
  #tokens: number;
  #hasGivenUp = false;
  generation: Generation | undefined;

  constructor(next: GenerationListener, tokens: number, mark: number) {
    this.#next = next;
    this.#tokens = tokens;
    this.#mark = mark;
  }

  onEvent(...[event, nowMs]: Parameters<GenerationListener['onEvent']>): void {
    if (this.#hasGivenUp) return;
    const before = this.#tokens;
    this.#tokens += event.tokenIds.length;
    if (before < this.#mark && this.#mark < this.#tokens) {
      this.#hasGivenUp = true;
      this.generation?.cancel();
      this.#next.onLost(new ServingError('draining', 'the stream could not be taken up where its client left it'));
    } else {
      this.#next.onEvent(event, nowMs);
    }
  }

  onLost(error: ServingError): void {
    if (!this.#hasGivenUp) this.#next.onLost(error);
  }
}
