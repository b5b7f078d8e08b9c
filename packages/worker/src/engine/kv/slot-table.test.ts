import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlotTable } from './slot-table.js';

describe('SlotTable', () => {
  it('hands out the lowest free slot, never one that is taken', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(9), { maxLength: 60 }), (slotsMax, operations) => {
        const table = new SlotTable(slotsMax);
        const taken = new Set<number>();
        for (const operation of operations) {
          if (taken.has(operation)) {
            table.free(operation);
            taken.delete(operation);
          } else if (table.freeCount > 0) {
            const lowest = Array.from({ length: slotsMax }, (_, slot) => slot).find((slot) => !taken.has(slot));
            const slot = table.take();
            expect(slot).toBe(lowest);
            taken.add(slot);
          }
          expect(table.freeCount).toBe(slotsMax - taken.size);
        }
      }),
    );
  });

  it('stops at the mistakes that would mix up two sequences', () => {
    const table = new SlotTable(1);
    expect(() => table.free(0)).toThrow('slot 0 was freed and is not taken');
    table.take();
    expect(() => table.take()).toThrow('none is free');
    expect(() => table.free(1)).toThrow('slot 1');
    expect(() => new SlotTable(0)).toThrow('slots 0');
    expect(() => new SlotTable(1.5)).toThrow('slots 1.5');
  });
});
