import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import { powerOfTwo } from './power-of-two.js';

describe('powerOfTwo', () => {
  it('never chooses the busiest of several, and each of the others at times', () => {
    const policy = powerOfTwo(seededRng(1));
    const view = [0, 1, 2, 9].map((running) => idleWorker(`running ${running}`, { running }));
    const chosen = new Set(Array.from({ length: 300 }, () => policy.choose(view, somePrompt())));
    expect([...chosen].sort()).toEqual(['running 0', 'running 1', 'running 2']);
  });
});
