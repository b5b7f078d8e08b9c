import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Act, SlotWorld } from '../test-support/slot-world.js';

describe('SlotMemory', () => {
  it('gives every sequence what its prompt begins with and nothing else, and counts what everybody holds', () => {
    fc.assert(
      fc.property(histories, ({ acts, ...sizes }) => {
        const { slotsMax } = sizes;
        const world = new SlotWorld({ ...sizes, prefixCache: true });
        for (const act of acts) {
          world.act(act);
          world.check();
        }
        world.fence(undefined);
        world.releaseAll();
        world.check();
        expect(world.memory.slotsFree).toBe(slotsMax);
        expect(world.memory.tokensUsed).toBe(0);
        expect(world.memory.preemptions.swapBytesUsed).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('goes on in the slot of a finished sequence where the new prompt begins with all of the old one', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    const first = world.start(text(40));
    world.release(first);
    const second = world.start([...text(40), 5, 6, 7]);
    expect(second).toMatchObject({ slot: 0, cachedTokens: 40 });
    expect(world.copies).toEqual([]);
  });

  it('copies from a sequence that still runs, as far as its prompt is computed', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    const first = world.start(text(60), 30);
    const second = world.start(text(50));
    expect(second.cachedTokens).toBe(30);
    expect(world.copies).toEqual([{ from: first.slot, to: second.slot, tokens: 30 }]);
  });

  it('copies where the old prompt goes on otherwise, and keeps both', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    world.release(world.start(text(60)));
    world.release(world.start([...text(32), 5, 6, 7]));
    expect(world.copies).toEqual([{ from: 0, to: 1, tokens: 32 }]);
    expect(world.memory.idle).toEqual([
      { slot: 0, position: 60 },
      { slot: 1, position: 35 },
    ]);
  });

  it('leaves two tokens of a known prompt to compute', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    world.release(world.start(text(40)));
    expect(world.start(text(40))).toMatchObject({ slot: 0, cachedTokens: 38 });
  });

  it('finds nothing in generated tokens, which went through the decode lane', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    const first = world.start(text(40));
    world.generate(first, [7, 8, 9]);
    world.release(first);
    expect(world.start([...text(40), 7, 8, 9, 1, 2])).toMatchObject({ cachedTokens: 40 });
  });

  it('finds what was generated where a chunk would have given it the same bits, as far as it was computed', () => {
    const world = new SlotWorld({ slotsMax: 4, chunksRoundAsDecodes: true });
    const first = world.start(text(40));
    world.generate(first, [7, 8, 9]);
    world.release(first);
    expect(world.start([...text(40), 7, 8, 9, 1, 2])).toMatchObject({ slot: 0, cachedTokens: 43 });
    expect(world.copies).toEqual([]);
  });

  it('keeps one copy of what many prompts have been', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    const all = [text(40), text(40), [...text(40), 1], text(20)].map((promptIds) => world.start(promptIds));
    for (const one of all) world.release(one);
    expect(world.memory.idle.map(({ position }) => position)).toEqual([41]);
  });

  it('foretells what has to be copied: nothing where the whole of an idle prompt goes on', () => {
    const world = new SlotWorld({ slotsMax: 4 });
    world.release(world.start(text(60)));
    expect(world.lookUp([...text(60), 1, 2, 3])).toMatchObject({ computed: 60, copyTokens: 0 });
    expect(world.lookUp([...text(30), 7, 7, 7])).toMatchObject({ computed: 30, copyTokens: 30 });
    expect(world.lookUp([9, 9, 9])).toMatchObject({ computed: 0, copyTokens: 0 });
    world.start(text(60));
    expect(world.lookUp([...text(60), 1, 2, 3])).toMatchObject({ computed: 60, copyTokens: 60 });
  });

  it('learns how many tokens are copied in two milliseconds', () => {
    const world = new SlotWorld({ slotsMax: 8 });
    world.copyMsPerToken = 0.1;
    for (let round = 0; round < 20; round++) {
      world.releaseAll();
      for (let again = 0; again < 8; again++) world.start(text(60));
    }
    expect(world.memory.copyTokensMax).toBeGreaterThanOrEqual(19);
    expect(world.memory.copyTokensMax).toBeLessThanOrEqual(21);
  });

  it('gives up what was used least recently, when a slot or memory is needed', () => {
    const world = new SlotWorld({ slotsMax: 3, kvTokensMax: 128 });
    const prompts = [1, 2, 3].map((token) => Array<number>(32).fill(token));
    for (const promptIds of prompts) world.release(world.start(promptIds));
    // The first is asked for again, so the second is the oldest.
    world.release(world.start(prompts[0]!));
    const next = world.start(Array<number>(32).fill(4));
    expect(next.cachedTokens).toBe(0);
    expect(world.start([...prompts[0]!, 0, 0]).cachedTokens).toBe(32);
    expect(world.start([...prompts[1]!, 0, 0]).cachedTokens).toBe(0);
  });

  it('runs new sequences beside the others: a cached prompt that is in the way moves', () => {
    const world = new SlotWorld({ slotsMax: 8 });
    const [first, second, third] = [1, 2, 3].map((token) => world.start(Array<number>(20).fill(token)));
    world.release(second!);
    const next = world.start(Array<number>(20).fill(4));
    expect([first!.slot, next.slot, third!.slot]).toEqual([0, 1, 2]);
    expect(world.copies).toEqual([{ from: 1, to: 3, tokens: 20 }]);
    expect(world.start([...Array<number>(20).fill(2), 9, 9])).toMatchObject({ slot: 3, cachedTokens: 20 });
  });

  it("brings a chat's next turn to the others rather than stretch the decode lane to it", () => {
    const world = new SlotWorld({ slotsMax: 8 });
    const all = [1, 2, 3, 4, 5, 6].map((token) => world.start(Array<number>(20).fill(token)));
    for (const one of all.slice(1)) world.release(one);
    expect(world.start([...Array<number>(20).fill(6), 9, 9])).toMatchObject({ slot: 1, cachedTokens: 20 });
    expect(world.copies).toEqual([
      { from: 1, to: 6, tokens: 20 },
      { from: 5, to: 1, tokens: 20 },
    ]);
    expect(world.memory.idle.map(({ slot }) => slot).sort()).toEqual([2, 3, 4, 6]);
  });

  it('moves nothing out of the way where decodes span no slots', () => {
    const world = new SlotWorld({ slotsMax: 8, decodesSpanSlots: false });
    const all = [1, 2, 3, 4, 5, 6].map((token) => world.start(Array<number>(20).fill(token)));
    for (const one of all.slice(1)) world.release(one);
    expect(world.start([...Array<number>(20).fill(6), 9, 9])).toMatchObject({ slot: 5, cachedTokens: 20 });
    expect(world.start(Array<number>(20).fill(7)).slot).toBe(6);
    expect(world.copies).toEqual([]);
  });

  it('keeps nothing of a slot that a failed pass left undefined, nor with the cache off', () => {
    const world = new SlotWorld({ slotsMax: 2 });
    world.release(world.start(text(40)), false);
    expect(world.start(text(40)).cachedTokens).toBe(0);
    const off = new SlotWorld({ slotsMax: 2, prefixCache: false });
    off.release(off.start(text(40)));
    expect(off.start(text(40)).cachedTokens).toBe(0);
  });

  it('gives pages back when the engine is idle, but not those of cached prompts, and writes free slots ahead', () => {
    const world = new SlotWorld({ slotsMax: 3 });
    const [kept, gone] = [world.start(text(40)), world.start([9, 9, 9])];
    world.generate(kept, text(30));
    world.release(kept);
    world.release(gone);
    expect(world.memory.trim()).toBe(false);
    expect([1, 2, 3].map(() => world.memory.tidy())).toEqual([true, true, false]);
    expect(world.released).toEqual([{ slot: 0, fromToken: 48 }]);
    expect(world.prepared).toEqual([{ slot: 1, tokens: 128 }]);
  });

  it('gives pages back beside a pass, one slot a step, once more is written than may be held', () => {
    const world = new SlotWorld({ slotsMax: 3, kvTokensMax: 64, prefixCache: false });
    for (const promptIds of [text(60), [1], text(30)]) world.release(world.start(promptIds));
    world.start([2]);
    world.start(text(30));
    world.memory.trim();
    world.memory.trim();
    expect(world.released).toEqual([{ slot: 0, fromToken: 16 }]);
  });
});

describe('SlotMemory.fence', () => {
  it('gives no slot of the span, nor puts what was kept elsewhere into it', () => {
    const world = new SlotWorld({ slotsMax: 6 });
    const [low, middle, high, last] = [1, 2, 3, 4].map((token) => world.start(Array<number>(20).fill(token)));
    world.release(middle!);
    world.release(last!);
    world.fence({ first: low!.slot!, last: high!.slot! });
    expect(world.memory.slotsFree).toBe(3);
    expect([low, high].map((one) => world.memory.isFenced(one!))).toEqual([true, true]);
    const next = world.start(Array<number>(20).fill(5));
    expect(next.slot).toBe(3);
    expect(world.memory.isFenced(next)).toBe(false);
    expect(world.start([...Array<number>(20).fill(2), 9, 9])).toMatchObject({ slot: 4, cachedTokens: 20 });
    expect(world.copies).toEqual([
      { from: 3, to: 4, tokens: 20 },
      { from: 4, to: 5, tokens: 20 },
      { from: 1, to: 4, tokens: 20 },
    ]);
  });

  it('lets a slot of the span be left and given up, and lifted, be had again', () => {
    const world = new SlotWorld({ slotsMax: 3 });
    const all = [1, 2, 3].map((token) => world.start(Array<number>(20).fill(token)));
    world.fence({ first: 0, last: 2 });
    world.release(all[1]!);
    world.release(all[2]!, false);
    expect(world.memory.slotsFree).toBe(0);
    world.fence(undefined);
    expect(world.memory.slotsFree).toBe(2);
    expect(world.start([...Array<number>(20).fill(2), 9, 9])).toMatchObject({ slot: 1, cachedTokens: 20 });
  });
});

function text(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7) % 11);
}

const prompts = fc
  .record({ shared: fc.nat(60), own: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 30 }) })
  .map(({ shared, own }) => [...text(shared), ...own]);

const acts: fc.Arbitrary<Act> = fc.oneof(
  fc
    .record({
      kind: fc.constant('start' as const),
      promptIds: prompts,
      computed: fc.nat(90),
      stale: fc.boolean(),
    })
    .map((act) => ({ ...act, computed: Math.min(act.computed, act.promptIds.length) })),
  fc.record({
    kind: fc.constantFrom('generate', 'release', 'release', 'fail', 'preempt', 'resume', 'forget', 'fence', 'lift'),
    which: fc.nat(8),
  }),
);

const histories = fc.record({
  slotsMax: fc.integer({ min: 1, max: 4 }),
  kvTokensMax: fc.integer({ min: 128, max: 400 }),
  swapTokensMax: fc.constantFrom(0, 60, 1_000),
  decodesSpanSlots: fc.boolean(),
  chunksRoundAsDecodes: fc.boolean(),
  acts: fc.array(acts, { minLength: 1, maxLength: 40 }),
});
