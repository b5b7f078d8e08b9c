import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import type { RoutingView } from './policy.js';
import { prefix } from './prefix.js';

describe('prefix', () => {
  const choose = (view: RoutingView, cached: Record<string, number>) =>
    prefix(seededRng(1)).choose(
      view,
      somePrompt({ promptTokens: 1000, cachedTokens: new Map(Object.entries(cached)) }),
    );

  it('prefers the longest cached prefix to the least load', () => {
    const view = [idleWorker('a', { running: 4 }), idleWorker('b', { running: 3 }), idleWorker('c')];
    expect(choose(view, { a: 800, b: 400 })).toBe('a');
  });

  it('takes the next longest when the first is overloaded', () => {
    const view = [idleWorker('a', { running: 14 }), idleWorker('b', { running: 6 }), idleWorker('c')];
    expect(choose(view, { a: 800, b: 400 })).toBe('b');
  });

  it('sends a prompt that nobody has to the worker with the fewest requests', () => {
    const view = [idleWorker('a', { running: 1 }), idleWorker('b'), idleWorker('c', { running: 2 })];
    expect(choose(view, { a: 15 })).toBe('b');
  });
});
