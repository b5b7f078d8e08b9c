import type { MetricPart } from '@sluice/gateway';
import { AggregatorRegistry } from 'prom-client';

/** The counts of processes that are gone and of one more; gauges say what is, and go with their process. */
export function addRetired(retired: MetricPart, part: MetricPart): MetricPart {
  const counts = part.filter(({ type }) => isCount(type)).map((metric) => ({ ...metric, aggregator: 'sum' as const }));
  return AggregatorRegistry.aggregate([[...retired], counts]).getMetricsAsArray() as unknown as MetricPart;
}

function isCount(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
