import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import { leastLoad } from './least-load.js';

describe('leastLoad', () => {
  const choose = (...view: Parameters<ReturnType<typeof leastLoad>['choose']>[0]) =>
    leastLoad(seededRng(1)).choose(view, somePrompt());

  it('prefers the worker with fewer prompt tokens ahead, however many it runs', () => {
    const busy = idleWorker('busy', { running: 9, prefillTokensWaiting: 10 });
    const queued = idleWorker('queued', { running: 1, prefillTokensWaiting: 500 });
    expect(choose(queued, busy)).toBe('busy');
  });

  it('counts what was sent and not yet reported like what waits', () => {
    const reported = idleWorker('reported', { prefillTokensWaiting: 100 });
    const unreported = idleWorker('unreported', { unreportedTokens: 101 });
    expect(choose(unreported, reported)).toBe('reported');
  });

  it('then prefers the one with fewer requests, running, waiting or on their way', () => {
    const running = idleWorker('running', { running: 3 });
    const mixed = idleWorker('mixed', { running: 1, waiting: 1, unreportedRequests: 2 });
    expect(choose(mixed, running)).toBe('running');
  });
});
