import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { GapHistogram } from './gap-histogram.js';

describe('GapHistogram.observe', () => {
  it("shows what prom-client's own histogram would show", async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const init = { name: 'gap_seconds', help: 'Between two.', buckets: [0.01, 0.1, 1] };
    const gap = new GapHistogram(ours, init);
    const usual = new Histogram({ ...init, registers: [theirs] });
    for (const seconds of [0.005, 0.005, 0.01, 0.5, 0.5, 2, 0.005, 1, 300]) {
      gap.observe(seconds);
      usual.observe(seconds);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });

  it('shows zeros before anything was observed', async () => {
    const registry = new Registry();
    new GapHistogram(registry, { name: 'gap_seconds', help: 'Between two.', buckets: [0.01] });
    expect(await registry.metrics()).toContain('gap_seconds_count 0');
  });
});
