import { type Rng, seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import type { Policy, RoutingView } from './policy.js';

/** What every policy promises. */
export function policyContract(name: string, make: (rng: Rng) => Policy): void {
  describe(`${name}, as a policy`, () => {
    const randomView = (rng: Rng): RoutingView =>
      Array.from({ length: 1 + rng.below(8) }, (_, i) =>
        idleWorker(`worker-${i}`, {
          running: rng.below(4),
          waiting: rng.below(3),
          prefillTokensWaiting: rng.below(3) * 100,
          unreportedTokens: rng.below(2) * 50,
          unreportedRequests: rng.below(2),
        }),
      );

    it('chooses nobody when there is nobody', () => {
      expect(make(seededRng(1)).choose([], somePrompt())).toBeUndefined();
    });

    it('always chooses one of the workers it was shown', () => {
      const rng = seededRng(2);
      const policy = make(rng);
      for (let i = 0; i < 500; i++) {
        const view = randomView(rng);
        expect(view.map(({ id }) => id)).toContain(policy.choose(view, somePrompt()));
      }
    });

    it('chooses the same again from the same view and random numbers', () => {
      const rng = seededRng(3);
      for (let i = 0; i < 100; i++) {
        const view = randomView(rng);
        expect(make(seededRng(i)).choose(view, somePrompt())).toBe(make(seededRng(i)).choose(view, somePrompt()));
      }
    });

    it('changes nothing of what it was shown', () => {
      const view = randomView(seededRng(4));
      const before = structuredClone(view);
      make(seededRng(5)).choose(deepFreeze(view), somePrompt());
      expect(view).toEqual(before);
    });

    it('leaves no worker out for ever when all are alike', () => {
      const policy = make(seededRng(6));
      const view = ['a', 'b', 'c'].map((id) => idleWorker(id));
      const chosen = new Set(Array.from({ length: 200 }, () => policy.choose(view, somePrompt())));
      expect(chosen.size).toBe(3);
    });
  });
}

function deepFreeze(view: RoutingView): RoutingView {
  for (const worker of view) Object.freeze(Object.freeze(worker).load);
  return Object.freeze(view);
}
