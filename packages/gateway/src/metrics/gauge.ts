import { Gauge, type Registry } from 'prom-client';

/**
 * Registers gauges without labels. They are read when Prometheus asks, so that they cost nothing in between.
 * @param aggregator how those of several processes become one, where `whole-metrics.ts` leaves that to them.
 */
export function gaugesIn(
  registers: Registry[],
  aggregator: 'sum' | 'max' = 'sum',
): (name: string, help: string, read: () => number | Promise<number>) => void {
  return (name, help, read) => {
    new Gauge({
      name,
      help,
      registers,
      aggregator,
      async collect() {
        this.set(await read());
      },
    });
  };
}
