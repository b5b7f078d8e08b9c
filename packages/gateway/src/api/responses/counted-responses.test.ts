import type { Logger } from '@sluice/shared';
import { memoryStore } from '@sluice/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test-support/manual-clock.js';
import { CountedResponses } from './counted-responses.js';

let clock: ManualClock;
let responses: CountedResponses;
let lines: object[];

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  const log = { warn: (fields: object) => void lines.push(fields) } as unknown as Logger;
  const store = memoryStore(clock, { response: { responseBytesMax: 10 } }).responses;
  responses = new CountedResponses(store, clock, log);
});

const keep = (text: string) => responses.put('resp_a', 'ann', text);

describe('CountedResponses.put', () => {
  it('counts what became of each', async () => {
    expect(await keep('short')).toBe('kept');
    expect(await keep('x'.repeat(11))).toBe('too_large');
    expect(await keep('x'.repeat(11))).toBe('too_large');
    expect(Object.fromEntries(responses.puts)).toEqual({ kept: 1, too_large: 2 });
    expect(await responses.read('resp_a', 'ann')).toEqual({ kind: 'found', text: 'short' });
    expect(await responses.usage()).toEqual({ count: 1, bytes: 5 });
  });

  it('writes one line for those that were lost in ten seconds', async () => {
    await keep('short');
    expect(lines).toEqual([]);
    for (let lost = 0; lost < 5; lost += 1) await keep('x'.repeat(11));
    expect(lines).toEqual([{ too_large: 1 }]);
    clock.advance(10_000);
    await keep('x'.repeat(11));
    expect(lines).toEqual([{ too_large: 1 }, { too_large: 5 }]);
  });
});
