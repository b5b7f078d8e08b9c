import { describe, expect, it } from 'vitest';
import { blocksFor, TOKENS_PER_BLOCK, TokenLedger } from './token-ledger.js';

describe('blocksFor', () => {
  it('counts a block as soon as it is begun', () => {
    const full = TOKENS_PER_BLOCK;
    expect([0, 1, full, full + 1, 10 * full].map(blocksFor)).toEqual([0, 1, 1, 2, 10]);
  });
});

describe('TokenLedger', () => {
  it('promises whole blocks and no more than it has', () => {
    const ledger = new TokenLedger(3 * TOKENS_PER_BLOCK + 5);
    expect(ledger).toMatchObject({ blocksMax: 3, blocksFree: 3, tokensUsed: 0, tokensMax: 3 * TOKENS_PER_BLOCK });
    ledger.take(3);
    expect(ledger).toMatchObject({ blocksFree: 0, tokensUsed: 3 * TOKENS_PER_BLOCK });
    ledger.free(2);
    expect(ledger.blocksFree).toBe(2);
  });

  it('stops at the mistakes that would over-commit memory', () => {
    const ledger = new TokenLedger(2 * TOKENS_PER_BLOCK);
    expect(() => ledger.take(3)).toThrow('3 blocks were taken where 2 are free');
    expect(() => ledger.free(1)).toThrow('more blocks were freed than taken');
    expect(() => new TokenLedger(TOKENS_PER_BLOCK - 1)).toThrow('at least 16');
  });
});
