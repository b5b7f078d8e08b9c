import { AggregatorRegistry, Gauge, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';

/** What one process has counted, as it travels between processes. */
export type MetricPart = readonly MetricObjectWithValues<MetricValue<string>>[];

type Aggregator = 'sum' | 'min' | 'max' | 'average' | 'first' | 'omit' | 'its own';

/**
 * How a gauge of several processes becomes one; where nothing matches, and for all counters and histograms, the sum or
 * what prom-client says of its own. `whole-metrics.test.ts` asks that every gauge of ours is here.
 */
export const gaugeAggregators: readonly (readonly [RegExp, Aggregator])[] = [
  // Each process hears the same from the workers and from Redis.
  [/^sluice_worker_/, 'max'],
  [/^sluice_fleet_/, 'max'],
  // What is shown is the process that is worst off.
  [/^sluice_redis_(up|state_seconds)$/, 'min'],
  [/^sluice_gateway_workers_attached$/, 'min'],
  [/^sluice_gateway_worker_circuit$/, 'max'],
  [/^sluice_gateway_quote_margin_ratio$/, 'max'],
  // What each has of its own.
  [/^sluice_gateway_(requests_in_flight|waiting_(requests|tokens)|worker_requests_in_flight|body_bytes)/, 'sum'],
  [/^sluice_gateway_prefix_index_/, 'sum'],
  // One store for all in Redis, one for each in memory.
  [/^sluice_responses_/, 'its own'],
];

/** What this process has counted. */
export async function metricPart(registry: Registry): Promise<MetricPart> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map((metric) => {
    const [, aggregator = 'its own'] = gaugeAggregators.find(([name]) => name.test(metric.name)) ?? [];
    return { ...metric, aggregator: aggregator === 'its own' ? (metric.aggregator ?? 'sum') : aggregator };
  });
}

/** The text of several processes' metrics as if they were one. `silent` processes are missing from it, which it says. */
export function wholeMetrics(parts: readonly MetricPart[], running: { counted: number; silent: number }) {
  const whole = AggregatorRegistry.aggregate(parts.map((part) => [...part]));
  const processes = new Gauge({
    name: 'sluice_gateway_processes',
    help: 'Processes of this gateway: those that all other figures count, and those that did not answer in time.',
    labelNames: ['state'],
    registers: [whole],
  });
  processes.set({ state: 'counted' }, running.counted);
  processes.set({ state: 'silent' }, running.silent);
  return whole.metrics();
}
