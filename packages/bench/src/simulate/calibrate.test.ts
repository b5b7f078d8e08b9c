import { noWork, type StepWork, withChunk, withDecode } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { fitCost } from './calibrate.js';
import { linearPassMs, twoCores } from './machine.js';

describe('fitCost', () => {
  it('finds the coefficients of a machine again from the times of its passes', () => {
    const works: StepWork[] = [];
    for (const rows of [0, 1, 8, 32]) {
      for (const context of [64, 512]) {
        let work = noWork;
        for (let row = 0; row < rows; row++) work = withDecode(work, context);
        works.push(work, withChunk(work, context, 128), withChunk(work, 0, 512));
      }
    }
    const measured = works.map((work) => ({ work, passMs: linearPassMs(twoCores, work) }));
    const cost = fitCost(measured);
    for (const work of works) expect(linearPassMs(cost, work) / linearPassMs(twoCores, work)).toBeCloseTo(1, 2);
  });

  it('gives none below zero', () => {
    const measured = [1, 2, 3].map((decodes) => ({ work: { ...noWork, decodes }, passMs: 10 / decodes }));
    for (const value of Object.values(fitCost(measured))) expect(value).toBeGreaterThanOrEqual(0);
  });
});
