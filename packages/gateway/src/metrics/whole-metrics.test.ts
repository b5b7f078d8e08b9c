import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { startTestGateway } from '../test-support/start-test-gateway.js';
import { gaugesIn } from './gauge.js';
import { gaugeAggregators, metricPart, wholeMetrics } from './whole-metrics.js';

/** The registry of one process: so many requests, and of worker a so many running as it was last told. */
function processWith(requests: number, running: number): Registry {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'requests_total', help: 'r', labelNames: ['route'], registers }).inc({ route: '/' }, requests);
  new Gauge({ name: 'sluice_gateway_requests_in_flight', help: 'f', registers }).set(requests);
  new Gauge({ name: 'sluice_gateway_workers_attached', help: 'a', registers }).set(running);
  const load = new Gauge({ name: 'sluice_worker_running_sequences', help: 's', labelNames: ['worker'], registers });
  load.set({ worker: 'a' }, running);
  const seconds = new Histogram({ name: 'wait_seconds', help: 'w', buckets: [1, 2], registers });
  for (let request = 0; request < requests; request += 1) seconds.observe(1.5);
  return registry;
}

describe('wholeMetrics', () => {
  it('adds up what each process has of its own, and takes once what all hear from workers', async () => {
    const parts = await Promise.all([metricPart(processWith(2, 7)), metricPart(processWith(3, 6))]);
    // As they come out of the channel between processes.
    const text = await wholeMetrics(JSON.parse(JSON.stringify(parts)), { counted: 2, silent: 1 });
    expect(text).toContain('requests_total{route="/"} 5\n');
    expect(text).toContain('sluice_gateway_requests_in_flight 5\n');
    expect(text).toContain('sluice_gateway_workers_attached 6\n');
    expect(text).toContain('sluice_worker_running_sequences{worker="a"} 7\n');
    expect(text).toContain('wait_seconds_bucket{le="1"} 0\n');
    expect(text).toContain('wait_seconds_bucket{le="2"} 5\n');
    expect(text).toContain('wait_seconds_count 5\n');
    expect(text).toContain('sluice_gateway_processes{state="counted"} 2\n');
    expect(text).toContain('sluice_gateway_processes{state="silent"} 1');
  });

  it.each([
    { how: 'max' as const, whole: 7 },
    { how: 'sum' as const, whole: 14 },
  ])('takes the $how of what each process keeps or all share, as the gauge says', async ({ how, whole }) => {
    const registry = new Registry();
    gaugesIn([registry], how)('sluice_responses_kept', 'k', () => 7);
    const parts = await Promise.all([metricPart(registry), metricPart(registry)]);
    expect(await wholeMetrics(parts, { counted: 2, silent: 0 })).toContain(`sluice_responses_kept ${whole}\n`);
  });

  it('knows of every gauge of ours how several of it become one', async () => {
    const gateway = await startTestGateway();
    const part = await gateway.metrics();
    await gateway.stop();
    const gauges = part.filter(({ name, type }) => name.startsWith('sluice_') && `${type}` === 'gauge');
    expect(gauges.length).toBeGreaterThan(10);
    const unknown = gauges.filter(({ name }) => !gaugeAggregators.some(([pattern]) => pattern.test(name)));
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });
});
