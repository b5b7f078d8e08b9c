import type { GenerateRequestInit } from '@sluice/proto';
import { unknownTokenId } from '../workers/worker.js';

/**
 * What a request needs to go on at another worker: how it was asked for, and every token that has come. Tokens and the
 * text they complete come together, so whoever replays the tokens knows which text has been delivered, and which was
 * still held back. Bounded by the model's context.
 */
export class Journal {
  readonly #request: GenerateRequestInit;
  #tokenIds: number[] = [];
  #isBroken = false;

  /** @param request the tokens that are generated in it count among those that have come. */
  constructor(request: GenerateRequestInit) {
    this.#request = request;
    this.add(request.generatedTokenIds ?? []);
  }

  get tokens(): number {
    return this.#tokenIds.length;
  }

  /** Whether text has come whose tokens nobody said: no worker can go on behind it. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  add(tokenIds: readonly number[]): void {
    for (const tokenId of tokenIds) {
      if (tokenId === unknownTokenId) this.#isBroken = true;
      else this.#tokenIds.push(tokenId);
    }
  }

  /** Nothing of it has come: it begins anew. */
  startOver(): void {
    this.#isBroken = false;
    this.#tokenIds = [...(this.#request.generatedTokenIds ?? [])];
  }

  /** The request for the next worker, who generates only what is missing. All there is to say of a prompt comes before. */
  get rest(): GenerateRequestInit {
    if (this.#tokenIds.length === 0) return this.#request;
    return { ...this.#request, generatedTokenIds: [...this.#tokenIds], promptLogprobs: false };
  }
}
