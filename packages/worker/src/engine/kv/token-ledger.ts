import { assert } from '@sluice/shared';

/** Tokens that memory is counted in. A slot commits memory page by page; finer counting would be of no use. */
export const TOKENS_PER_BLOCK = 16;

export function blocksFor(tokens: number): number {
  return Math.ceil(tokens / TOKENS_PER_BLOCK);
}

/**
 * Counts key-value memory: slots reserve address space for a full context each, and memory is only committed where
 * tokens were written, so that slots together may promise more than there is. The ledger keeps the sum within bounds.
 */
export class TokenLedger {
  readonly blocksMax: number;
  #blocksUsed = 0;

  /** @param tokensMax tokens that all slots together may hold; at least one block. */
  constructor(tokensMax: number) {
    this.blocksMax = Math.floor(tokensMax / TOKENS_PER_BLOCK);
    assert(this.blocksMax > 0, `key-value memory of ${tokensMax} tokens must be at least ${TOKENS_PER_BLOCK}`);
  }

  get blocksFree(): number {
    return this.blocksMax - this.#blocksUsed;
  }

  get tokensUsed(): number {
    return this.#blocksUsed * TOKENS_PER_BLOCK;
  }

  get tokensMax(): number {
    return this.blocksMax * TOKENS_PER_BLOCK;
  }

  take(blocks: number): void {
    assert(blocks <= this.blocksFree, `${blocks} blocks were taken where ${this.blocksFree} are free`);
    this.#blocksUsed += blocks;
  }

  free(blocks: number): void {
    this.#blocksUsed -= blocks;
    assert(this.#blocksUsed >= 0, 'more blocks were freed than taken');
  }
}
