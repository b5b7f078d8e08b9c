import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, type QueueClass, queueClasses, type Waiting } from './fair-queue.js';

const roomy = { requestsMax: 10_000, tokensMax: 10_000_000 };

function waiting(fields: Partial<Waiting> = {}): Waiting {
  return { key: 'a', class: 'normal', tokens: 100, arrivalMs: 0, deadlineMs: Infinity, ...fields };
}

function drained(queue: FairQueue<Waiting>, nowMs = 0): Waiting[] {
  const order: Waiting[] = [];
  for (let one = queue.shift(nowMs); one !== undefined; one = queue.shift(nowMs)) order.push(one);
  return order;
}

describe('FairQueue', () => {
  it('serves one key in the order of arrival', () => {
    const queue = new FairQueue<Waiting>(roomy);
    const all = [1, 9_000, 3, 700].map((tokens) => waiting({ tokens }));
    for (const one of all) queue.push(one);
    expect(drained(queue)).toEqual(all);
  });

  it('gives two keys the same share of tokens, however unlike their requests are', () => {
    const queue = new FairQueue<Waiting>(roomy);
    for (let i = 0; i < 40; i++) queue.push(waiting({ key: 'large', tokens: 1_000 }));
    for (let i = 0; i < 400; i++) queue.push(waiting({ key: 'small', tokens: 100 }));
    const served = { large: 0, small: 0 };
    for (let i = 0; i < 150; i++) {
      const one = queue.shift(0)!;
      served[one.key as 'large' | 'small'] += one.tokens;
      expect(Math.abs(served.large - served.small)).toBeLessThanOrEqual(2_024);
    }
  });

  it('does not let a key that floods the queue hold up one that comes after it', () => {
    const queue = new FairQueue<Waiting>(roomy);
    for (let i = 0; i < 1_000; i++) queue.push(waiting({ key: 'flood' }));
    queue.push(waiting({ key: 'late' }));
    const order = drained(queue).map(({ key }) => key);
    expect(order.indexOf('late')).toBeLessThan(12);
  });

  it('nor one that floods it with short prompts', () => {
    const queue = new FairQueue<Waiting>(roomy);
    for (let i = 0; i < 1_000; i++) queue.push(waiting({ key: 'flood', tokens: 3 }));
    for (let i = 0; i < 3; i++) queue.shift(0);
    queue.push(waiting({ key: 'late', tokens: 3 }));
    const order = drained(queue).map(({ key }) => key);
    expect(order.indexOf('late')).toBeLessThan(12);
  });

  it('names the youngest of who takes most as the one to go for another key, and nobody for its own', () => {
    const queue = new FairQueue<Waiting>({ requestsMax: 4, tokensMax: 1_000 });
    const flood = [0, 1, 2].map(() => waiting({ key: 'flood' }));
    for (const one of flood) queue.push(one);
    queue.push(waiting({ key: 'other' }));
    expect(queue.displacedBy(waiting({ key: 'late' }))).toBe(flood[2]);
    expect(queue.displacedBy(waiting({ key: 'flood' }))).toBeUndefined();
    // No fair share would be left to defend.
    expect(queue.displacedBy(waiting({ key: 'late', tokens: 300 }))).toBeUndefined();
    expect(queue.displacedBy(waiting({ key: 'late', class: 'high' }))).toBeUndefined();
  });

  it('lets nobody go where that would not be room enough', () => {
    const queue = new FairQueue<Waiting>({ requestsMax: 100, tokensMax: 1_000 });
    for (let i = 0; i < 10; i++) queue.push(waiting({ key: 'flood' }));
    expect(queue.displacedBy(waiting({ key: 'late', tokens: 101 }))).toBeUndefined();
    expect(queue.displacedBy(waiting({ key: 'late', tokens: 100 }))).toBeDefined();
  });

  it('serves higher classes first, until a lower one has waited 10 s for each class above it', () => {
    const queue = new FairQueue<Waiting>(roomy);
    const low = waiting({ class: 'low' });
    queue.push(low);
    for (let i = 0; i < 5; i++) queue.push(waiting({ class: 'high', arrivalMs: 19_999 }));
    expect(queue.shift(19_999)!.class).toBe('high');
    expect(queue.shift(20_000)).toBe(low);
    expect(queue.shift(20_000)!.class).toBe('high');
  });

  it('refuses what is beyond its requests or tokens, but never a first one', () => {
    const queue = new FairQueue<Waiting>({ requestsMax: 3, tokensMax: 500 });
    expect(queue.hasRoom(9_000)).toBe(true);
    queue.push(waiting({ tokens: 300 }));
    expect(queue.hasRoom(201)).toBe(false);
    expect(queue.hasRoom(200)).toBe(true);
    queue.push(waiting({ tokens: 1 }));
    queue.push(waiting({ tokens: 1 }));
    expect(queue.hasRoom(1)).toBe(false);
  });

  it('takes out whose deadline has come, and nobody else', () => {
    const queue = new FairQueue<Waiting>(roomy);
    const late = waiting({ deadlineMs: 50, key: 'b' });
    const others = [waiting({ deadlineMs: 51 }), waiting()];
    for (const one of [others[0]!, late, others[1]!]) queue.push(one);
    expect(queue.takeExpired(50)).toEqual([late]);
    expect(drained(queue)).toEqual(others);
    expect(queue.remove(late)).toBe(false);
  });

  it('says how much is served before a newcomer', () => {
    const queue = new FairQueue<Waiting>(roomy);
    for (let i = 0; i < 10; i++) queue.push(waiting({ key: 'flood', tokens: 1_000 }));
    queue.push(waiting({ key: 'other', class: 'high', tokens: 40 }));
    expect(queue.ahead('new', 'normal')).toEqual({ requests: 1.256, tokens: 296 });
    expect(queue.ahead('new', 'high')).toEqual({ requests: 1, tokens: 40 });
    expect(queue.ahead('flood', 'normal')).toEqual({ requests: 11, tokens: 10_040 });
  });

  it('loses nobody, serves nobody twice and counts right, whatever is pushed, taken and removed', () => {
    const action = fc.record({
      kind: fc.constantFrom('push', 'push', 'shift', 'remove', 'expire'),
      key: fc.constantFrom('a', 'b', 'c'),
      class: fc.constantFrom<QueueClass>(...queueClasses),
      tokens: fc.integer({ min: 1, max: 2_000 }),
      pick: fc.nat(),
      waitMs: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const queue = new FairQueue<Waiting>({ requestsMax: 12, tokensMax: 9_000 });
        const inside = new Set<Waiting>();
        const leaves = (one: Waiting): void => {
          expect(inside.delete(one)).toBe(true);
        };
        actions.forEach(({ kind, key, class: name, tokens, pick, waitMs }, nowMs) => {
          if (kind === 'push' && queue.hasRoom(tokens)) {
            const one = waiting({ key, class: name, tokens, arrivalMs: nowMs, deadlineMs: nowMs + waitMs });
            inside.add(one);
            queue.push(one);
          } else if (kind === 'shift') {
            const one = queue.shift(nowMs);
            expect(one === undefined).toBe(inside.size === 0);
            if (one !== undefined) leaves(one);
          } else if (kind === 'remove' && inside.size > 0) {
            const one = [...inside][pick % inside.size]!;
            expect(queue.remove(one)).toBe(true);
            leaves(one);
          } else if (kind === 'expire') {
            for (const one of queue.takeExpired(nowMs)) leaves(one);
            expect([...inside].every(({ deadlineMs }) => deadlineMs > nowMs)).toBe(true);
          }
          expect(queue.requests).toBe(inside.size);
          expect(queue.tokens).toBe([...inside].reduce((sum, one) => sum + one.tokens, 0));
        });
      }),
    );
  });
});
