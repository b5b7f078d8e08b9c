import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import { leastRequests } from './least-requests.js';

describe('leastRequests', () => {
  it('counts running, waiting and unreported requests alike, and no tokens', () => {
    const long = idleWorker('long', { running: 1, prefillTokensWaiting: 9_000 });
    const many = idleWorker('many', { waiting: 1, unreportedRequests: 1 });
    expect(leastRequests(seededRng(1)).choose([many, long], somePrompt())).toBe('long');
  });
});
