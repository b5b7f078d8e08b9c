import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksFor } from '../kv/token-ledger.js';
import type { Decision, Policy, QueueView, SequenceView } from './policy.js';
import { admittedOf, isDecoding, promptLeft, queues } from './test-support/queues.js';
import { arrivals, drive, machines } from './test-support/small-engine.js';

/** What every policy keeps, whatever it is after. */
export function describePolicy(name: string, create: () => Policy): void {
  describe(`${name}, as every policy`, () => {
    it('always moves somebody on when there is somebody', () => {
      checkAll((queue, { decodes, chunks }) => {
        if (queue.running.length + queue.waiting.length > 0) expect(decodes.length + chunks.length).toBeGreaterThan(0);
      });
    });

    it('names a sequence once, and gives each what it can take', () => {
      checkAll((queue, { decodes, chunks, preempted }) => {
        const prompts = chunks.map((chunk) => chunk.sequence);
        const named = [...decodes, ...prompts, ...preempted];
        expect(new Set(named).size).toBe(named.length);
        for (const one of decodes) expect(isDecoding(one)).toBe(true);
        for (const one of decodes) expect(queue.running.includes(one) || queue.waiting.includes(one)).toBe(true);
        for (const one of preempted) expect(queue.running).toContain(one);
        for (const one of prompts) expect(queue.running.includes(one) || queue.waiting.includes(one)).toBe(true);
        for (const { sequence, tokens } of chunks) {
          expect(tokens).toBeGreaterThan(0);
          expect(tokens).toBeLessThanOrEqual(promptLeft(sequence));
        }
      });
    });

    it('runs every decode that keeps its memory, or none at all', () => {
      checkAll((queue, { decodes, preempted }) => {
        const all = queue.running.filter((sequence) => isDecoding(sequence) && !preempted.includes(sequence));
        const ran = decodes.filter((sequence) => queue.running.includes(sequence));
        if (decodes.length > 0) expect(new Set(ran)).toEqual(new Set(all));
      });
    });

    it('plans no more than a pass can take', () => {
      checkAll(({ limits }, { decodes, chunks }) => {
        const prefill = chunks.reduce((sum, { tokens }) => sum + tokens, 0);
        expect(prefill).toBeLessThanOrEqual(Math.max(0, limits.stepTokensMax - decodes.length));
        expect(chunks.length).toBeLessThanOrEqual(Math.max(limits.chunksMax, limits.chunksAbreast));
      });
    });

    it('cuts no prompt so that one token of it stands alone', () => {
      checkAll(({ limits }, { chunks }) => {
        for (const { sequence, tokens } of chunks) {
          expect(promptLeft(sequence) - tokens).not.toBe(1);
          if (tokens % limits.chunkBlockTokens === 1) expect(promptLeft(sequence)).toBe(1);
        }
      });
    });

    it('takes no more memory and slots than are free, and counts the whole of what it lets in', () => {
      checkAll((queue, { decodes, chunks, preempted }) => {
        const freed = preempted.reduce((sum, { blocks }) => sum + blocks, 0);
        const ran = decodes.filter((sequence) => queue.running.includes(sequence));
        const grown = ran.reduce((sum, one) => sum + Math.max(0, blocksFor(one.computed + 1) - one.blocks), 0);
        const admitted = admittedOf(queue, { decodes, chunks, preempted });
        const taken = admitted.reduce((sum, { tokens }) => sum + blocksFor(tokens), 0);
        expect(grown + taken).toBeLessThanOrEqual(queue.blocksFree + freed);
        expect(admitted.length).toBeLessThanOrEqual(queue.slotsFree + preempted.length);
      });
    });

    it('changes nothing of what it looks at, and says the same when asked again', () => {
      fc.assert(
        fc.property(queues, (queue) => {
          const before = structuredClone({ ...queue, cost: undefined });
          const policy = create();
          const first = policy.decide(queue);
          expect({ ...queue, cost: undefined }).toEqual(before);
          expect(policy.decide(queue)).toEqual(first);
        }),
        { numRuns: 100 },
      );
    });

    it('brings everybody to an end, and the same way each time', () => {
      fc.assert(
        fc.property(arrivals, machines, (arriving, machine) => {
          const outcome = drive(create(), arriving, machine);
          expect(outcome.finished.length).toBe(arriving.length);
          expect(drive(create(), arriving, machine).finished.map(({ name }) => name)).toEqual(
            outcome.finished.map(({ name }) => name),
          );
        }),
        { numRuns: 60 },
      );
    });
  });

  function checkAll(check: (queue: QueueView<SequenceView>, decision: Decision<SequenceView>) => void): void {
    fc.assert(
      fc.property(queues, (queue) => check(queue, create().decide(queue))),
      { numRuns: 200 },
    );
  }
}
