import { Gauge, type Registry } from 'prom-client';

/** Registers gauges without labels. They are read when Prometheus asks, so that they cost nothing in between. */
export function gaugesIn(registers: Registry[]): (name: string, help: string, read: () => number) => void {
  return (name, help, read) => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
}
