import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import { session } from './session.js';

const ids = Array.from({ length: 10 }, (_, index) => `127.0.0.1:${9000 + index}`);
const keys = Array.from({ length: 2000 }, (_, index) => `user-${index}`);

/** Where each session goes while the workers are idle. */
function place(workers: readonly string[], seed = 1): Map<string, string | undefined> {
  const policy = session(seededRng(seed));
  const view = workers.map((id) => idleWorker(id));
  return new Map(keys.map((key) => [key, policy.choose(view, somePrompt({ session: key }))]));
}

describe('session', () => {
  it('sends a session to one worker, whichever gateway asks and in whatever order it knows the workers', () => {
    expect(place([...ids].reverse(), 2)).toEqual(place(ids));
  });

  it('spreads sessions evenly', () => {
    const counts = new Map<string | undefined, number>();
    for (const id of place(ids).values()) counts.set(id, (counts.get(id) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBeLessThan(1.25 * (keys.length / ids.length));
    expect(Math.min(...counts.values())).toBeGreaterThan(0.75 * (keys.length / ids.length));
  });

  it('moves only the sessions of a worker that leaves', () => {
    const before = place(ids);
    const after = place(ids.slice(1));
    for (const [key, worker] of before) if (worker !== ids[0]) expect(after.get(key)).toBe(worker);
  });

  it('moves a session on from a worker that has a quarter more than the mean, and back', () => {
    const policy = session(seededRng(1));
    const request = somePrompt({ session: 'hot' });
    const withLoads = (loaded: string | undefined, running: number) =>
      ids.map((id) => idleWorker(id, { running: id === loaded ? running : 10 }));
    const home = policy.choose(withLoads(undefined, 10), request);
    expect(policy.choose(withLoads(home, 12), request)).toBe(home);
    expect(policy.choose(withLoads(home, 13), request)).not.toBe(home);
    expect(policy.choose(withLoads(home, 11), request)).toBe(home);
  });

  it('leaves a session where it is while there are slots to spare', () => {
    const policy = session(seededRng(1));
    const request = somePrompt({ session: 'hot' });
    const home = policy.choose(
      ids.map((id) => idleWorker(id)),
      request,
    );
    const view = ids.map((id) => idleWorker(id, { running: id === home ? 3 : 0 }));
    expect(policy.choose(view, request)).toBe(home);
  });

  it('sends what belongs to no session to the worker with the fewest requests', () => {
    const view = [idleWorker('a', { running: 2 }), idleWorker('b', { running: 1 })];
    expect(session(seededRng(1)).choose(view, somePrompt())).toBe('b');
  });
});
