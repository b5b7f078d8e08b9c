import { type Rng, seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import type { Policy, RoutingRequest, RoutingView, WorkerId } from './policy.js';

/** What every policy promises. */
export function policyContract(name: string, make: (rng: Rng) => Policy): void {
  describe(`${name}, as a policy`, () => {
    it('is called what it is chosen by', () => {
      expect(make(seededRng(1)).name).toBe(name);
    });

    it('chooses nobody when there is nobody', () => {
      expect(make(seededRng(1)).choose([], somePrompt())).toBeUndefined();
      expect(make(seededRng(1)).choose([], somePrompt({ session: 'a' }))).toBeUndefined();
    });

    it('always chooses one of the workers it was shown', () => {
      const rng = seededRng(2);
      const policy = make(rng);
      for (let i = 0; i < 500; i++) {
        const view = randomView(rng);
        expect(view.map(({ id }) => id)).toContain(policy.choose(view, randomRequest(rng)));
      }
    });

    it('chooses the same again from the same view, request and random numbers', () => {
      const rng = seededRng(3);
      for (let i = 0; i < 100; i++) {
        const [view, request] = [randomView(rng), randomRequest(rng)];
        expect(make(seededRng(i)).choose(view, request)).toBe(make(seededRng(i)).choose(view, request));
      }
    });

    it('changes nothing of what it was shown', () => {
      const rng = seededRng(4);
      const [view, request] = [randomView(rng), Object.freeze(randomRequest(rng))];
      const before = structuredClone({ view, request });
      make(seededRng(5)).choose(deepFreeze(view), request);
      expect({ view, request }).toEqual(before);
    });

    it('leaves no worker out for ever when all are alike', () => {
      const policy = make(seededRng(6));
      const view = ['a', 'b', 'c'].map((id) => idleWorker(id));
      const chosen = new Set(Array.from({ length: 200 }, () => policy.choose(view, somePrompt())));
      expect(chosen.size).toBe(3);
    });

    it.each([
      ['prompts that nobody has cached', somePrompt({ promptTokens: 100 })],
      ['prompts that begin alike', somePrompt({ promptTokens: 100, beginning: 7 })],
      ['one session', somePrompt({ promptTokens: 100, session: 'hot' })],
      ['a prompt that one worker has half of', somePrompt({ promptTokens: 100, cachedTokens: new Map([['w0', 50]]) })],
    ])('spreads a burst of %s before any load comes back', (_, request) => {
      const sent = sendBurst(make(seededRng(7)), request, 8, 400);
      expect(Math.max(...sent.values())).toBeLessThanOrEqual(2 * (400 / 8));
    });
  });
}

/** Requests to each worker, as a gateway counts them while nobody reports. */
function sendBurst(policy: Policy, request: RoutingRequest, workers: number, requests: number): Map<WorkerId, number> {
  const sent = new Map(Array.from({ length: workers }, (_, index) => [`w${index}`, 0]));
  for (let i = 0; i < requests; i++) {
    const view = [...sent].map(([id, count]) => {
      const uncached = Math.max(1, request.promptTokens - (request.cachedTokens.get(id) ?? 0));
      return idleWorker(id, { unreportedRequests: count, unreportedTokens: count * uncached });
    });
    const chosen = policy.choose(view, request)!;
    sent.set(chosen, sent.get(chosen)! + 1);
  }
  return sent;
}

function randomView(rng: Rng): RoutingView {
  return Array.from({ length: 1 + rng.below(8) }, (_, i) =>
    idleWorker(`w${i}`, {
      running: rng.below(20),
      waiting: rng.below(3),
      prefillTokensWaiting: rng.below(3) * 100,
      prefillTokensPerSecond: rng.below(3) * 500,
      kvTokensUsed: rng.below(4097),
      unreportedTokens: rng.below(2) * 50,
      unreportedRequests: rng.below(2),
    }),
  );
}

function randomRequest(rng: Rng): RoutingRequest {
  const promptTokens = 1 + rng.below(1000);
  return {
    promptTokens,
    beginning: rng.below(2) === 0 ? undefined : rng.below(5),
    session: rng.below(2) === 0 ? undefined : `session ${rng.below(5)}`,
    // Of workers that are not in the view as well: they left after they were counted.
    cachedTokens: new Map([...Array(rng.below(10)).keys()].map((i) => [`w${i}`, rng.below(promptTokens)])),
  };
}

function deepFreeze(view: RoutingView): RoutingView {
  for (const worker of view) Object.freeze(Object.freeze(worker).load);
  return Object.freeze(view);
}
