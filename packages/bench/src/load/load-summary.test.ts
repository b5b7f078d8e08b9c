import { describe, expect, it } from 'vitest';
import { addCosts, type LoadCost, percentiles, summarize } from './load-summary.js';
import type { RequestRecord } from './stream-tally.js';

const complete: RequestRecord = {
  outcome: 'complete',
  reason: undefined,
  promptTokens: 256,
  outputTokens: 64,
  textEvents: 32,
  ttftMs: 100,
  gapsMs: [10, 20],
};
const truncated: RequestRecord = { ...complete, outcome: 'truncated', reason: '63 of 64 tokens', gapsMs: [9_000] };
const failed: RequestRecord = { ...complete, outcome: 'failed', reason: 'HTTP 503', ttftMs: undefined };
const machine = { totalMs: 4_000, busyMs: 752, stolenMs: 100 };
const cost: LoadCost = { wallMs: 2_000, serverCpuMs: 320, clientCpuMs: 32, residentMb: 512.34, machine };

describe('summarize', () => {
  it('takes throughput, cost and times from complete requests', () => {
    expect(summarize([complete, complete], cost)).toEqual({
      requests: 2,
      complete: 2,
      truncated: 0,
      errors: 0,
      faults: [],
      wallMs: 2_000,
      totalTokensPerSecond: 320,
      outputTokensPerSecond: 64,
      ttftMs: { p50: 100, p99: 100 },
      gapMs: { p50: 10, p99: 20 },
      outputTokensPerEvent: 2,
      cpuUsPerToken: 500,
      clientCpuUsPerToken: 50,
      residentMb: 512.3,
      othersCpuRatio: 0.1,
      stolenCpuRatio: 0.025,
    });
  });

  it('gives requests that were cut or failed no credit, and names why', () => {
    expect(summarize([complete, truncated, failed, failed], cost)).toMatchObject({
      requests: 4,
      complete: 1,
      truncated: 1,
      errors: 2,
      faults: ['63 of 64 tokens', 'HTTP 503'],
      totalTokensPerSecond: 160,
      gapMs: { p50: 10, p99: 20 },
    });
  });

  it('has no figure, rather than a zero or a NaN, for what nothing was measured of', () => {
    expect(summarize([failed], { ...cost, serverCpuMs: undefined, residentMb: undefined })).toMatchObject({
      totalTokensPerSecond: 0,
      ttftMs: null,
      gapMs: null,
      outputTokensPerEvent: null,
      cpuUsPerToken: null,
      residentMb: null,
      othersCpuRatio: null,
      stolenCpuRatio: 0.025,
    });
    expect(summarize([], addCosts([])).totalTokensPerSecond).toBe(0);
  });
});

describe('addCosts', () => {
  it('adds times and keeps the highest memory', () => {
    expect(addCosts([cost, { ...cost, residentMb: 600 }])).toEqual({
      wallMs: 4_000,
      serverCpuMs: 640,
      clientCpuMs: 64,
      residentMb: 600,
      machine: { totalMs: 8_000, busyMs: 1_504, stolenMs: 200 },
    });
  });

  it('knows nothing of what one of them did not measure', () => {
    expect(addCosts([cost, { ...cost, serverCpuMs: undefined }]).serverCpuMs).toBeUndefined();
  });
});

describe('percentiles', () => {
  it('agrees with sorting to three digits', () => {
    const samples = Array.from({ length: 1_000 }, (_, index) => ((index * 7_919) % 1_000) + 1);
    const { p50, p99 } = percentiles(samples)!;
    expect(Math.abs(p50 - 500)).toBeLessThan(0.5);
    expect(Math.abs(p99 - 990)).toBeLessThan(1);
  });
});
