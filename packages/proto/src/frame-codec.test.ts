import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerateEventInit, WorkerMessageInit } from './index.js';
import { generalMessageCodec, workerServiceDefinition } from './io/definition.js';

const { responseSerialize: serialize, responseDeserialize: deserialize } = workerServiceDefinition.Attach;
const general = generalMessageCodec;

const id = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'grapheme', maxLength: 40 }));
const plainEvent: fc.Arbitrary<GenerateEventInit> = fc.record({ tokenIds: fc.array(id, { maxLength: 80 }), text });
const event: fc.Arbitrary<GenerateEventInit> = fc.oneof(
  { arbitrary: plainEvent, weight: 3 },
  fc.record({ accepted: fc.record({ promptTokens: id }), tokenIds: fc.array(id), text }),
  fc.record({ tokenIds: fc.array(id), text, finished: fc.record({ completionTokens: id, stopString: text }) }),
  fc.record({ failed: fc.record({ code: text, message: text }) }),
  fc.record({ tokenIds: fc.array(id), logprobs: fc.array(fc.record({ tokenId: id, logprob: fc.constant(-0.5) })) }),
  fc.record({ promptReport: fc.record({ embedding: fc.array(fc.constant(0.25)) }) }),
);
const frame = fc.record({
  frame: fc.record({
    frame: fc.oneof(fc.nat(200), fc.maxSafeNat()),
    deltas: fc.array(fc.record({ id, event: fc.option(event) }), { maxLength: 12 }),
    load: fc.option(
      fc.record({ state: fc.constant('WORKER_STATE_READY' as const), running: id, stepMs: fc.constant(9.5) }),
    ),
  }),
});

describe('frameCodec', () => {
  it('writes what the contract reads, and reads what it writes', () => {
    fc.assert(
      fc.property(frame, (message) => {
        const expected = general.deserialize(general.serialize(message));
        expect(general.deserialize(serialize(message))).toStrictEqual(expected);
        expect(deserialize(serialize(message))).toStrictEqual(expected);
        expect(deserialize(general.serialize(message))).toStrictEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('does a whole message and one after another in the same memory', () => {
    const first = serialize({ frame: { frame: 1, deltas: [{ id: 1, event: { tokenIds: [5], text: 'one' } }] } });
    const second = serialize({ frame: { frame: 2, deltas: [{ id: 1, event: { tokenIds: [6], text: 'two' } }] } });
    expect(deserialize(first).frame?.deltas[0]?.event?.text).toBe('one');
    expect(deserialize(second).frame?.deltas[0]?.event?.text).toBe('two');
  });

  it('leaves the welcome, and a frame that is too long for it, to the general codec', () => {
    const welcome: WorkerMessageInit = { welcome: { epoch: 'e', framesUnacknowledgedMax: 64 } };
    const long: WorkerMessageInit = { frame: { frame: 1, deltas: [{ id: 1, event: { text: 'é'.repeat(100_000) } }] } };
    for (const message of [welcome, long]) {
      expect(serialize(message)).toEqual(general.serialize(message));
      expect(deserialize(serialize(message))).toStrictEqual(general.deserialize(general.serialize(message)));
    }
  });

  it('reads fields that it does not know as the general codec does, and refuses what is cut off', () => {
    const bytes = serialize({
      frame: { frame: 300, deltas: [{ id: 1, event: { tokenIds: [700, 5], text: 'to be' } }] },
    });
    const unknown = Buffer.concat([Buffer.from([0x12, bytes.length]), bytes.subarray(2), Buffer.from([0x78, 1])]);
    expect(deserialize(unknown)).toStrictEqual(general.deserialize(bytes));
    for (let length = 1; length < bytes.length; length++) {
      expect(() => deserialize(bytes.subarray(0, length)), `of ${length} bytes`).toThrow();
    }
  });
});
