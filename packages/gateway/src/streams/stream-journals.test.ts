import type { GenerateEvent } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { defaultJournalLimits, type JournalAppend, type JournalStore, memoryStore } from '@sluice/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { endpoints } from '../api/endpoint.js';
import { ManualClock } from '../test-support/manual-clock.js';
import type { Order } from './order.js';
import { StreamJournals } from './stream-journals.js';

const streamId = 'A'.repeat(22);
const id = { streamId, position: 0 };

let clock: ManualClock;
let store: JournalStore;
let journals: StreamJournals;
/** What the store says instead of writing. */
let trouble: JournalAppend | undefined;
let writes: (readonly string[])[] = [];
let taken = 0;
let commands = 0;

beforeEach(() => {
  clock = new ManualClock();
  store = memoryStore(clock).journals;
  trouble = undefined;
  writes = [];
  taken = 0;
  commands = 0;
  const append: JournalStore['append'] = async (...given) => {
    writes.push(given[2]);
    return trouble ?? store.append(...given);
  };
  const hindered: JournalStore = {
    append,
    appendAll: async (additions) => {
      commands += 1;
      return Promise.all(
        additions.map(({ streamId, fromIndex, entries, term }) => append(streamId, fromIndex, entries, term)),
      );
    },
    take: (name) => store.take(name),
    read: (name, fromIndex, entriesMax) => store.read(name, fromIndex, entriesMax),
    end: (name) => store.end(name),
    remove: (name) => store.remove(name),
  };
  journals = new StreamJournals({ store: hindered, clock, newStreamId: () => streamId });
});

function order(prompt = 'Hi'): Order {
  const [endpoint] = endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  return {
    endpoint,
    call: endpoint.parse({ messages: [{ role: 'user', content: prompt }], stream: true }),
    head: {
      id: 'chatcmpl-1',
      createdSeconds: 1,
      model: 'm',
      systemFingerprint: 's',
      logprobs: false,
      logprobsTop: 0,
      promptLogprobsTop: undefined,
      includeUsage: false,
    },
    seed: 5,
    terms: { client: 'alice' },
    session: undefined,
  };
}

function begin(given = order()) {
  const journal = journals.begin(streamId, given, () => taken++);
  journal.begin();
  return journal;
}

function token(tokenId: number, text = 'word '): GenerateEvent {
  return { accepted: null, tokenIds: [tokenId], text, logprobs: [], promptReport: null, finished: null, failed: null };
}

/** Lets time pass, and what was sent be answered. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

async function tokensFound(): Promise<readonly number[]> {
  return (await journals.find(id, 'alice')).events.flatMap(({ tokenIds }) => tokenIds);
}

describe('StreamJournals', () => {
  it('writes the order at once, and what comes in a quarter of a second together', async () => {
    const journal = begin();
    await pass(0);
    expect(writes.length).toBe(1);
    for (const tokenId of [1, 2, 3]) journal.add(token(tokenId));
    await pass(249);
    expect(writes.length).toBe(1);
    await pass(1);
    expect(writes.length).toBe(2);
    const { order: found, events, hasEnded, term } = await journals.find(id, 'alice');
    expect(found).toEqual(order());
    expect(events).toEqual([1, 2, 3].map((tokenId) => token(tokenId)));
    expect({ hasEnded, term }).toEqual({ hasEnded: false, term: 1 });
    expect(journals.pendingUnits).toBe(0);
  });

  it('sends again, unchanged, what may or may not have been written', async () => {
    const journal = begin();
    await pass(0);
    journal.add(token(1));
    trouble = 'unavailable';
    await pass(250);
    journal.add(token(2));
    await pass(900);
    expect(writes.length).toBe(2);
    trouble = undefined;
    await pass(300);
    expect(writes[2]?.[0]).toBe(writes[1]?.[0]);
    expect(await tokensFound()).toEqual([1, 2]);
    expect(journals.pendingUnits).toBe(0);
  });

  it('asks the store once for all streams that have something to write', async () => {
    const streams = Array.from({ length: 500 }, (_, index) => {
      const journal = journals.begin(`${index}`.padEnd(22, 'x'), order(), () => taken++);
      journal.begin();
      return journal;
    });
    await pass(0);
    const before = commands;
    for (const [index, journal] of streams.entries()) journal.add(token(index));
    await pass(250);
    expect(commands - before).toBe(1);
    const found = await journals.find({ streamId: '499'.padEnd(22, 'x'), position: 0 }, 'alice');
    expect(found.events.flatMap(({ tokenIds }) => tokenIds)).toEqual([499]);
  });

  it('keeps the beginning of a stream that is too long', async () => {
    const journal = begin();
    const text = 'é'.repeat(100_000);
    for (let tokenId = 0; tokenId < 8; tokenId++) {
      journal.add(token(tokenId, text));
      await pass(250);
    }
    expect(await tokensFound()).toEqual([0, 1, 2, 3, 4]);
    expect(journals.pendingUnits).toBe(0);
  });

  it('writes nothing of a stream whose order is too long', async () => {
    begin(order('x'.repeat(defaultJournalLimits.streamBytesMax))).add(token(1));
    await pass(500);
    expect(writes).toEqual([]);
    expect(journals.pendingUnits).toBe(0);
    await expect(journals.find(id, 'alice')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('holds a bounded amount of text while the store takes none', async () => {
    trouble = 'unavailable';
    const text = 'x'.repeat(200_000);
    for (let stream = 0; stream < 500; stream++) begin().add(token(1, text));
    expect(journals.pendingUnits).toBeLessThanOrEqual(journals.pendingUnitsMax);
    expect(journals.pendingUnits).toBeGreaterThan(0.9 * journals.pendingUnitsMax);
  });

  it('lets the writer know that another one took its stream', async () => {
    const journal = begin();
    await pass(0);
    journal.add(token(1));
    await pass(250);
    const past = await journals.find(id, 'alice');
    const next = journals.goOn(past, () => {});
    journal.add(token(2, 'of the first'));
    await pass(250);
    expect(taken).toBe(1);
    next.add(token(2, 'of the second'));
    await pass(250);
    expect((await journals.find(id, 'alice')).events.map(({ text }) => text)).toEqual(['word ', 'of the second']);
  });

  it('finds what has ended without taking it', async () => {
    const journal = begin();
    const reason = 'FINISH_REASON_STOP' as const;
    const counts = { promptTokens: 1, completionTokens: 1, cachedTokens: 0, stopString: '' };
    const outcome = 'OBJECTIVE_OUTCOME_UNSPECIFIED' as const;
    await pass(0);
    journal.add({ ...token(1), finished: { reason, ...counts, ttft: outcome, tbt: outcome } });
    await pass(0);
    expect(await journals.find(id, 'alice')).toMatchObject({ hasEnded: true, term: 0 });
    expect(Object.fromEntries(journals.finds)).toEqual({ ended: 1 });
  });

  it('writes the end of a stream that came while its order was under way, before it closes', async () => {
    const journal = begin();
    journal.add(token(1));
    journal.fail(new ServingError('internal', 'broken'));
    await journals.close();
    expect(await journals.find(id, 'alice')).toMatchObject({ hasEnded: true });
    expect(journals.pendingUnits).toBe(0);
  });

  it('closes over a store that takes nothing, having asked it once', async () => {
    const journal = begin();
    await pass(0);
    trouble = 'unavailable';
    journal.add(token(1));
    const before = commands;
    await journals.close();
    expect(commands - before).toBe(1);
  });

  it.each([
    { what: 'of another caller', client: 'bob', code: 'not_found' },
    { what: 'that have expired', client: 'alice', afterMs: defaultJournalLimits.expireMs, code: 'not_found' },
  ])('gives no streams $what', async ({ client, afterMs = 0, code }) => {
    begin();
    await pass(afterMs);
    await expect(journals.find(id, client)).rejects.toMatchObject({ code });
  });

  it.each([['garbage'], ['{"v":1}'], [JSON.stringify({ v: 2, path: '/v1/nothing' })]])(
    'says of %s that the stream is gone',
    async (entry) => {
      await store.append(streamId, 0, [entry]);
      await expect(journals.find(id, 'alice')).rejects.toMatchObject({ code: 'stream_gone' });
    },
  );
});
