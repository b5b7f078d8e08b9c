import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import { leastRequests } from './least-requests.js';
import { PrefixIndex } from './prefix-index.js';
import { type RoutableWorker, type RoutedEvent, type RoutedListener, Routing } from './routing.js';

const text = (words: string, bytes = 2048) => ({ kind: 'text', text: words.repeat(bytes).slice(0, bytes) }) as const;
const worker = (id: string, epoch = 'first', isAttached = true): RoutableWorker => ({
  id,
  epoch,
  isAttached,
  countsCached: true,
  view: idleWorker(id, { prefillTokensPerSecond: 1000, kvTokensMax: 1e6 }),
});
const ignore: RoutedListener<RoutedEvent> = { onEvent: () => {}, onLost: () => {} };

function startRouting() {
  const counted = { choices: [] as string[], ratios: [] as number[], forgotten: [] as string[] };
  const prefixes = new PrefixIndex(2 ** 20);
  const routing = new Routing({
    policy: leastRequests({ next: () => 0, below: () => 0 }),
    prefixes,
    metrics: {
      countChoice: (id, expectedTokens) => counted.choices.push(`${id} ${expectedTokens}`),
      countPrediction: (ratio) => counted.ratios.push(ratio),
      forget: (id) => counted.forgotten.push(id),
    },
  });
  return { routing, prefixes, counted };
}

describe('Routing.describe', () => {
  it('knows what a worker has been sent, and that one that has started again has nothing', () => {
    const { routing, counted } = startRouting();
    const [a, b] = [worker('a'), worker('b')];
    const first = routing.describe({ workers: [a, b] }, 'm', text('hello '), 'user 1');
    expect(first).toMatchObject({ promptTokens: 512, session: 'user 1', model: 'm' });
    expect(first.cachedTokens.size).toBe(0);
    expect(routing.send(a, first, ignore, 0).uncachedTokens).toBe(512);
    const again = routing.describe({ workers: [a, b] }, 'm', text('hello ', 4096), undefined);
    expect(again.cachedTokens).toEqual(new Map([['a', 448 + 64]]));
    expect(routing.send(a, again, ignore, 0).uncachedTokens).toBe(1024 - 512);
    expect(counted.choices).toEqual(['a 0', 'a 512']);
    const restarted = routing.describe({ workers: [worker('a', 'second'), b] }, 'm', text('hello '), undefined);
    expect(restarted.cachedTokens.size).toBe(0);
  });

  it('forgets workers that are lost or gone', () => {
    const { routing, prefixes, counted } = startRouting();
    routing.describe({ workers: [worker('a'), worker('b'), worker('c')] }, 'm', text('x'), undefined);
    routing.describe({ workers: [worker('a'), worker('b', 'first', false)] }, 'm', text('x'), undefined);
    expect([...prefixes.workers.keys()]).toEqual(['a']);
    expect(counted.forgotten).toEqual(['c']);
  });

  it('learns from workers how many bytes of text a token takes', () => {
    const { routing } = startRouting();
    const set = { workers: [worker('a')] };
    for (let i = 0; i < 50; i++) {
      const sent = routing.send(set.workers[0]!, routing.describe(set, 'm', text(`${i}`), undefined), ignore, 0);
      sent.listener.onEvent({ accepted: { promptTokens: 1024 }, tokenIds: [] }, 1);
    }
    expect(routing.describe(set, 'm', text('new'), undefined).promptTokens).toBeGreaterThan(1000);
    expect(routing.describe(set, 'm', { kind: 'tokens', tokenIds: [1, 2, 3] }, undefined).promptTokens).toBe(3);
  });
});

describe('Routing.send', () => {
  it('compares the first token with its prediction, once, and passes every event on', () => {
    const { routing, counted } = startRouting();
    const a = worker('a');
    const heard: number[] = [];
    const request = {
      ...routing.describe({ workers: [a] }, 'm', text('x'), undefined),
      ...somePrompt({ promptTokens: 1000 }),
    };
    const { listener } = routing.send(a, request, { onEvent: (_, nowMs) => heard.push(nowMs), onLost: () => {} }, 100);
    listener.onEvent({ accepted: { promptTokens: 1000 }, tokenIds: [] }, 110);
    for (const nowMs of [2100, 2200]) listener.onEvent({ tokenIds: [1] }, nowMs);
    expect(counted.ratios).toHaveLength(1);
    expect(counted.ratios[0]).toBeCloseTo(2, 1);
    expect(heard).toEqual([110, 2100, 2200]);
  });

  it('expects less of a worker that had less cached than was thought', () => {
    const { routing } = startRouting();
    const set = { workers: [worker('a')] };
    const send = (cachedTokens: number) => {
      const request = routing.describe(set, 'm', text('hello '), undefined);
      const { listener } = routing.send(set.workers[0]!, request, ignore, 0);
      listener.onEvent({ tokenIds: [1], finished: { cachedTokens } }, 10);
      return request.cachedTokens.get('a') ?? 0;
    };
    send(0);
    expect(send(0)).toBe(512);
    for (let i = 0; i < 60; i++) {
      send(0);
      routing.send(set.workers[0]!, routing.describe(set, 'm', text(`other ${i}`), undefined), ignore, 0);
    }
    expect(send(0)).toBe(0);
  });
});
