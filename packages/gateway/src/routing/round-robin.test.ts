import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import { roundRobin } from './round-robin.js';

describe('roundRobin', () => {
  it('gives every worker its turn, also when one leaves and another comes', () => {
    const policy = roundRobin(seededRng(1));
    const take = (count: number, ...ids: string[]) =>
      Array.from({ length: count }, () =>
        policy.choose(
          ids.map((id) => idleWorker(id)),
          somePrompt(),
        ),
      );
    expect(take(3, 'a', 'b', 'c').sort()).toEqual(['a', 'b', 'c']);
    take(1, 'b');
    expect(take(3, 'a', 'c', 'd')).toEqual(['c', 'd', 'a']);
  });
});
