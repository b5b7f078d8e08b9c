import { noWork, withChunk, withDecode } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { a100, h100, linearMachine, objectivesOf, promptAloneMs, twoCores, withNoise } from './machine.js';

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

describe('withNoise', () => {
  it('draws from what real passes took, the same again for the same seed', () => {
    const machine = linearMachine(twoCores, 'test');
    const draws = (seed: number) => {
      const noisy = withNoise(machine, [0.9, 1, 1.3], seed);
      return Array.from({ length: 50 }, () => noisy.passMs(noWork) / machine.passMs(noWork));
    };
    expect(new Set(draws(1))).toEqual(new Set([0.9, 1, 1.3]));
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
  });

  it('changes nothing where no passes were seen', () => {
    const machine = linearMachine(twoCores, 'test');
    expect(withNoise(machine, [], 1).passMs(noWork)).toBe(machine.passMs(noWork));
  });
});
