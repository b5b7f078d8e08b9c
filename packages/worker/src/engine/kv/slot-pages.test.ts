import { describe, expect, it } from 'vitest';
import { SlotPages } from './slot-pages.js';

/** Of 512 tokens. */
const SLOT_BLOCKS = 32;

describe('SlotPages.tidy', () => {
  it('writes the lowest free slots ahead, half of all that they may hold', () => {
    const { pages, calls } = slotPages({ slotsMax: 4 });
    expect(tidied(pages)).toBe(4);
    expect(calls).toEqual([0, 1, 2, 3].map((slot) => ({ slot, prepared: 256 })));
  });

  it('writes a hundred million bytes at most, and nothing where one slot has more', () => {
    const roomy = slotPages({ slotsMax: 1_000, tokenBytes: 2 ** 14 });
    expect(tidied(roomy.pages)).toBe(25);
    const large = slotPages({ slotsMax: 1_000, tokenBytes: 2 ** 19 });
    expect(large.pages.tidy()).toBe(false);
  });

  it('writes no further than a slot reaches', () => {
    const { pages, calls } = slotPages({ slotsMax: 8, contextTokens: 100 });
    pages.tidy();
    expect(calls).toEqual([{ slot: 0, prepared: 112 }]);
  });

  it('leaves slots alone that hold something, and writes those behind them', () => {
    const { pages, calls } = slotPages({ slotsMax: 6, blocksMax: 128 });
    for (const slot of [0, 2]) pages.hold(slot, 3);
    tidied(pages);
    expect(calls.map(({ slot }) => slot)).toEqual([1, 3, 4, 5]);
  });

  it('keeps what sequences have written where the next will write it, and gives back what is further', () => {
    const { pages, calls } = slotPages({ slotsMax: 8, blocksMax: 128 });
    tidied(pages);
    calls.length = 0;
    for (let sequence = 0; sequence < 32; sequence++) {
      pages.hold(5, 8);
      pages.leave(5);
      pages.hold(5, 0);
    }
    tidied(pages);
    const given = [0, 1, 2, 3].map((slot) => ({ slot, releasedFrom: 128 }));
    expect(calls).toEqual([
      ...given,
      { slot: 4, prepared: 128 },
      { slot: 6, prepared: 128 },
      { slot: 7, prepared: 128 },
    ]);
  });
});

describe('SlotPages.trim', () => {
  it('gives back what is written ahead once more is written than may be held', () => {
    const { pages, calls } = slotPages({ slotsMax: 16, blocksMax: 32 });
    expect(tidied(pages)).toBe(1);
    pages.hold(1, 16);
    expect(pages.trim()).toBe(false);
    pages.hold(2, 16);
    expect(pages.trim()).toBe(true);
    expect(calls.at(-1)).toEqual({ slot: 0, releasedFrom: 0 });
    expect(pages.trim()).toBe(false);
  });
});

interface Sizes {
  slotsMax: number;
  blocksMax?: number;
  contextTokens?: number;
  tokenBytes?: number;
}

function slotPages({ slotsMax, blocksMax = slotsMax * SLOT_BLOCKS, contextTokens = 512, tokenBytes = 1 }: Sizes) {
  const calls: ({ slot: number } & ({ prepared: number } | { releasedFrom: number }))[] = [];
  const pages = new SlotPages(slotsMax, blocksMax, contextTokens, {
    copyBytes: (tokens) => tokens * tokenBytes,
    prepare: (slot, prepared) => calls.push({ slot, prepared }),
    release: (slot, releasedFrom) => calls.push({ slot, releasedFrom }),
  });
  return { pages, calls };
}

/** Until there is nothing to do; how often there was. */
function tidied(pages: SlotPages): number {
  for (let times = 0; times < 1_000; times++) if (!pages.tidy()) return times;
  throw new Error('there is always something to do');
}
