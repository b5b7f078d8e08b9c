import type { GenerateEvent, GenerateRequestInit } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import type { Generation, GenerationListener } from '../workers/worker.js';

/** It takes a gateway or a worker that stalls at the very place, again and again. */
const TRIES_MAX = 8;

/** Sends a request to a worker; false: it takes none now. */
type Submit = (request: GenerateRequestInit, listener: GenerationListener) => Generation | undefined;

/**
 * The rest of a stream, made so that it fits what its client has. Tokens behind the end of a journal are made again, and
 * those that the client has are dropped; that needs an event to end exactly where the client is. A worker that could not
 * send for a while sends the tokens of several steps at once, and nobody can tell their text apart: then the request is
 * sent again, behind the tokens before them.
 */
export class AlignedGeneration implements Generation, GenerationListener {
  readonly #next: GenerationListener;
  readonly #submit: Submit;
  /** Position that the client has. */
  readonly #mark: number;
  readonly #request: GenerateRequestInit;
  readonly #tokenIds: number[];
  #generation: Generation | undefined;
  #tries = 0;

  /** @param next hears of it as of any generation. */
  constructor(request: GenerateRequestInit, mark: number, next: GenerationListener, submit: Submit) {
    this.#request = request;
    this.#mark = mark;
    this.#next = next;
    this.#submit = submit;
    this.#tokenIds = [...(request.generatedTokenIds ?? [])];
    this.#generation = submit(request, this);
  }

  cancel(): void {
    this.#generation?.cancel();
  }

  onEvent(event: GenerateEvent, nowMs: number): void {
    const tokens = this.#tokenIds.length;
    if (tokens < this.#mark && this.#mark < tokens + event.tokenIds.length) {
      this.#tryAgain();
      return;
    }
    // Behind the mark nothing can go wrong any more.
    if (tokens < this.#mark) this.#tokenIds.push(...event.tokenIds);
    this.#next.onEvent(event, nowMs);
  }

  onLost(error: ServingError): void {
    this.#next.onLost(error);
  }

  #tryAgain(): void {
    this.#generation?.cancel();
    this.#tries += 1;
    const request = { ...this.#request, generatedTokenIds: [...this.#tokenIds] };
    this.#generation = this.#tries < TRIES_MAX ? this.#submit(request, this) : undefined;
    if (this.#generation !== undefined) return;
    this.#next.onLost(new ServingError('draining', 'the stream could not be taken up where its client had left it'));
  }
}
