import { describe, expect, it } from 'vitest';
import { SlotMemory } from './kv/slot-memory.js';
import { LiveSequence } from './live-sequence.js';
import { greedySampling } from './sequence.js';
import { SequenceTable } from './sequence-table.js';
import { HashModel } from './test-support/hash-model.js';

const cost = { predictMs: () => 1e6, marginRatio: 1 };

describe('SequenceTable.remove', () => {
  it('gives back the copy of a preempted sequence that is cancelled while it waits', () => {
    const model = new HashModel();
    const memory = new SlotMemory({ kvTokensMax: 64, prefixCache: true, swapBytesMax: 1_000 }, model, () => 0);
    const table = new SequenceTable(memory);
    const promptIds = Array.from({ length: 20 }, (_, index) => index);
    const sequence = new LiveSequence(
      { id: 'a', promptIds, tokensMax: 4, sampling: greedySampling, stopTokenIds: new Set(), logprobsTop: undefined },
      64,
    );
    table.add(sequence);
    table.admit(sequence);
    sequence.computed = 20;
    table.preempt([sequence], cost);
    expect(memory.preemptions).toEqual({
      preemptionsCopied: 1,
      preemptionsRecomputed: 0,
      swapBytesUsed: model.copyBytes(20),
    });
    table.remove(sequence, true);
    expect(memory.preemptions.swapBytesUsed).toBe(0);
    expect([table.size, table.waiting.length, memory.slotsFree]).toEqual([0, 0, 4]);
  });
});
