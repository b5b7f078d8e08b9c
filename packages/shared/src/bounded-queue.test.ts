import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedQueue } from './bounded-queue.js';

describe('BoundedQueue', () => {
  it('behaves as an array that refuses items when it is full', () => {
    const operations = fc.array(fc.option(fc.integer(), { nil: undefined, freq: 2 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), operations, (capacity, items) => {
        const queue = new BoundedQueue<number>(capacity);
        const model: number[] = [];
        for (const item of items) {
          if (item === undefined) expect(queue.shift()).toBe(model.shift());
          else {
            expect(queue.push(item)).toBe(model.length < capacity);
            if (model.length < capacity) model.push(item);
          }
          expect(queue.count).toBe(model.length);
        }
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN])('is never made with a capacity of %d', (capacity) => {
    expect(() => new BoundedQueue(capacity)).toThrow(`queue capacity ${capacity} must be a positive integer`);
  });
});
