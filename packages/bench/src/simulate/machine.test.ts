import { noWork, withChunk, withDecode } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { a100, h100, linearMachine, objectivesOf, promptAloneMs, twoCores } from './machine.js';

describe('a100', () => {
  it.each([
    [512, 105.6],
    [1024, 214.3],
    [2048, 366],
    [4096, 758],
    [8192, 1863],
    [16384, 4408],
  ])('takes as long for a prompt of %i tokens as was published, within 15 %%', (tokens, publishedMs) => {
    expect(Math.abs(promptAloneMs(a100, tokens) / publishedMs - 1)).toBeLessThan(0.15);
  });

  it('takes as long for decodes as was published, and hides a few behind a prompt', () => {
    const decodes = (rows: number) =>
      Array.from({ length: rows }).reduce<typeof noWork>((work) => withDecode(work, 500), noWork);
    expect(a100.passMs(decodes(32))).toBeCloseTo(87.9);
    expect(a100.passMs(decodes(1))).toBeCloseTo(46.8);
    expect(a100.passMs(decodes(128))).toBeCloseTo(189.3);
    expect(a100.passMs(withChunk(decodes(3), 0, 1021))).toBeCloseTo(promptAloneMs(a100, 1024), -1);
  });
});

describe('h100', () => {
  it('is faster than an A100, in arithmetic more than in memory', () => {
    const ratio = (work: typeof noWork) => a100.passMs(work) / h100.passMs(work);
    expect(ratio(withChunk(noWork, 0, 4096))).toBeCloseTo(3.17, 1);
    expect(ratio(withDecode(noWork, 100))).toBeCloseTo(1.64, 1);
  });
});

describe('linearMachine', () => {
  it('has objectives of 5 and 25 decodes of 32 rows in mid-context', () => {
    const { strictMs, relaxedMs } = objectivesOf(linearMachine(twoCores, ''));
    expect(relaxedMs).toBeCloseTo(5 * strictMs);
    expect(strictMs / 5).toBeCloseTo(6 + 32 * (1 + 1025 * 0.0026));
  });
});
