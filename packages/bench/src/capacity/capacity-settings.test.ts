import { describe, expect, it } from 'vitest';
import { BenchUsageError } from '../benchmark.js';
import { quantile } from '../simulate/samples.js';
import { drawArrivals } from '../simulate/trace.js';
import { readCapacitySettings, requestsAt, traceOf } from './capacity-settings.js';

describe('readCapacitySettings', () => {
  it('asks for all objectives and shares the time out when it has to be quick', () => {
    expect(readCapacitySettings({}, true)).toMatchObject({
      policies: ['slo', 'sarathi', 'prefill-first', 'iteration-level', 'hybrid-only'],
      objectives: ['strict', 'relaxed', 'mixed'],
      peers: ['sluice-http', 'llama-server'],
      searchSeconds: undefined,
      traces: ['chat'],
      scaleTokens: 1024,
    });
  });

  it.each([
    [{ policies: 'slo, fifo' }, /--policies fifo must be of slo, /],
    [{ objective: 'tight' }, '--objective tight must be of strict, relaxed, mixed'],
    [{ peers: 'vllm' }, '--peers vllm must be of sluice-http, llama-server'],
    [{ 'peer-batch': '64,0' }, '--peer-batch 0 must be a whole number from 1 to 8192'],
    [{ trace: 'sharegpt' }, '--trace sharegpt must be chat, arxiv or both'],
    [{ context: '4096' }, '--context 4096 must be a whole number from 128 to 2048'],
    [{ requests: '1' }, '--requests 1 must be a whole number from 24 to 100000'],
  ])('refuses %j by name, value and bound', (values, message) => {
    expect(() => readCapacitySettings(values, false)).toThrow(message);
    expect(() => readCapacitySettings(values, false)).toThrow(BenchUsageError);
  });
});

describe('requestsAt', () => {
  const settings = readCapacitySettings({ requests: '100', 'trial-seconds': '20' }, false);

  it.each([
    [0.1, 24],
    [2, 40],
    [50, 100],
  ])('at %d a second sends %d', (rate, requests) => {
    expect(requestsAt(rate, settings)).toBe(requests);
  });
});

describe('traceOf', () => {
  it.each([
    ['chat', 415, 834],
    ['arxiv', 208, 371],
  ] as const)(
    '%s has log-normal answers through %d at the median and %d at the 90th percentile',
    (name, median, p90) => {
      const trace = traceOf(name);
      const roomy = { ...trace, tokensMax: 1e9 };
      const outputs = drawArrivals(roomy, 1e9, 20_000, 1).map(({ outputTokens }) => outputTokens);
      expect(quantile(outputs, 0.5) / median).toBeCloseTo(1, 1);
      expect(quantile(outputs, 0.9) / p90).toBeCloseTo(1, 1);
    },
  );
});
