import type { MetricPart } from '@sluice/gateway';

type Metric = MetricPart[number];
type Value = Metric['values'][number];

/** Series of one metric that are kept of processes that are gone; those beyond are forgotten. */
const seriesMax = 10_000;

/** The counts of processes that are gone and of one more; gauges say what is, and go with their process. */
export function addRetired(retired: MetricPart, part: MetricPart): MetricPart {
  const metrics = new Map<string, Metric>(retired.map((metric) => [metric.name, metric]));
  for (const metric of part) {
    if (!isCount(metric.type)) continue;
    const values = addValues(metrics.get(metric.name)?.values ?? [], metric.values);
    metrics.set(metric.name, { ...metric, values });
  }
  return [...metrics.values()];
}

function addValues(before: readonly Value[], more: readonly Value[]): Value[] {
  const sums = new Map<string, Value>(before.map((value) => [seriesOf(value), value]));
  for (const value of more) {
    const series = seriesOf(value);
    if (sums.size >= seriesMax && !sums.has(series)) continue;
    sums.set(series, { ...value, value: (sums.get(series)?.value ?? 0) + value.value });
  }
  return [...sums.values()];
}

/** A histogram is several series, which have names of their own. */
function seriesOf(value: Value & { readonly metricName?: string }): string {
  return JSON.stringify([value.metricName, Object.entries(value.labels).sort()]);
}

/** The types say that it is a number; it is a word. */
function isCount(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
