import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES, blocksOf, type PromptBlocks } from './prompt-blocks.js';

const ofText = (text: string): PromptBlocks => blocksOf({ kind: 'text', text });
/** Blocks that two prompts have in common. */
function common(a: PromptBlocks, b: PromptBlocks): number {
  let count = 0;
  while (count < a.count && a.low[count] === b.low[count] && a.high[count] === b.high[count]) count++;
  return count;
}

describe('blocksOf', () => {
  it('counts whole blocks of UTF-8', () => {
    expect(ofText('a'.repeat(BLOCK_BYTES * 3 + 255))).toMatchObject({ count: 3, bytes: BLOCK_BYTES * 3 + 255 });
    expect(ofText('é'.repeat(BLOCK_BYTES))).toMatchObject({ count: 2, bytes: BLOCK_BYTES * 2 });
    expect(ofText('')).toMatchObject({ count: 0, bytes: 0 });
  });

  it('gives two prompts the blocks in common in which they agree from the start, and no other', () => {
    const text = Array.from({ length: 4096 }, (_, index) => String.fromCharCode(97 + ((index * 7) % 26))).join('');
    for (const at of [0, 255, 256, 2000, 4095]) {
      const changed = `${text.slice(0, at)}!${text.slice(at + 1)}`;
      expect(common(ofText(text), ofText(changed))).toBe(Math.floor(at / BLOCK_BYTES));
    }
    expect(common(ofText(text), ofText(`${text} and more`))).toBe(16);
  });

  it('does not mix up blocks of the same words in another order', () => {
    const [a, b] = ['a'.repeat(BLOCK_BYTES), 'b'.repeat(BLOCK_BYTES)];
    const hashes = new Set<string>();
    for (const text of [a + a, a + b, b + a, b + b]) {
      const { low, high } = ofText(text);
      hashes.add(`${low[1]} ${high[1]}`);
    }
    expect(hashes.size).toBe(4);
  });

  it('takes messages as their JSON, and token ids at four bytes each', () => {
    const json = JSON.stringify([{ role: 'user', content: 'x'.repeat(600) }]);
    expect(common(blocksOf({ kind: 'messages', json }), ofText(json))).toBe(2);
    expect(blocksOf({ kind: 'tokens', tokenIds: Array(130).fill(5) })).toMatchObject({ count: 2, bytes: 520 });
  });

  it('looks at no more than the first 256 KiB', () => {
    const long = 'y'.repeat(8 * 2 ** 20);
    expect(ofText(long)).toMatchObject({ count: 1024, bytes: 8 * 2 ** 20 });
    expect(blocksOf({ kind: 'tokens', tokenIds: Array(100_000).fill(1) }).count).toBe(1024);
  });

  it('has no collision among the blocks of 100,000 prompts', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 100_000; i++) {
      const { low, high } = ofText(`${i}`.padEnd(BLOCK_BYTES, ' '));
      seen.add(`${low[0]} ${high[0]}`);
    }
    expect(seen.size).toBe(100_000);
  });
});
