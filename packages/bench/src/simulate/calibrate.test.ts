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

  it('finds out what chunks save side by side', () => {
    const truth = { ...twoCores, chunksAbreast: 2, sharedTokenMs: 0.6 };
    const shapes = [[32], [128], [512], [64, 64], [32, 32], [96, 32], [256, 256]];
    const works = [0, 8, 24].flatMap((rows) =>
      shapes.map((chunks) => {
        let work = noWork;
        for (let row = 0; row < rows; row++) work = withDecode(work, 200);
        return chunks.reduce((sum, tokens) => withChunk(sum, 0, tokens), work);
      }),
    );
    const measured = works.map((work) => ({ work, passMs: linearPassMs(truth, work) }));
    const cost = fitCost(measured, 2);
    for (const { work, passMs } of measured) expect(linearPassMs(cost, work) / passMs).toBeCloseTo(1, 2);
    expect(fitCost(measured.slice(0, 3), 2).sharedTokenMs).toBe(0);
  });

  it('gives none below zero', () => {
    const measured = [1, 2, 3].map((decodes) => ({ work: { ...noWork, decodes }, passMs: 10 / decodes }));
    for (const value of Object.values(fitCost(measured))) expect(value).toBeGreaterThanOrEqual(0);
  });
});
