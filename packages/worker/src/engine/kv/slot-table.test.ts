import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlotTable } from './slot-table.js';

describe('SlotTable', () => {
  it('knows which slots are taken, and how many are not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(8), { maxLength: 60 }), (slotsMax, operations) => {
        const table = new SlotTable(slotsMax);
        const taken = new Set<number>();
        for (const operation of operations) {
          const slot = operation % slotsMax;
          expect(table.isFree(slot)).toBe(!taken.has(slot));
          if (taken.delete(slot)) {
            table.free(slot);
          } else {
            table.take(slot);
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
    table.take(0);
    expect(() => table.take(0)).toThrow('slot 0 was taken and is not free');
    expect(() => table.take(1)).toThrow('slot 1');
    expect(() => table.free(1)).toThrow('slot 1');
    expect(() => new SlotTable(0)).toThrow('slots 0');
    expect(() => new SlotTable(1.5)).toThrow('slots 1.5');
  });
});
