import type { FleetStore, FleetWatch } from '@sluice/store';
import { Counter, type Registry } from 'prom-client';
import { gaugesIn } from './gauge.js';

/** What is shown of a fleet's store. Read when Prometheus asks. */
export function registerFleet(registry: Registry, store: FleetStore, watch: FleetWatch): void {
  const registers = [registry];
  const gauge = gaugesIn(registers);
  gauge('sluice_redis_up', 'Whether Redis is reachable: 1 or 0.', () => (store.status.isReachable ? 1 : 0));
  gauge('sluice_redis_state_seconds', 'Seconds since that last changed.', () => store.status.sinceMs / 1000);
  gauge('sluice_fleet_workers', 'Workers in the fleet, as last read from Redis.', () => watch.view.workers.length);
  gauge('sluice_fleet_gateways', 'Gateways in the fleet, as last read from Redis.', () => watch.view.gateways.length);
  gauge('sluice_fleet_view_age_seconds', 'Age of that; -1 before it was read.', () =>
    watch.view.ageMs === undefined ? -1 : watch.view.ageMs / 1000,
  );
  new Counter({
    name: 'sluice_redis_errors_total',
    help: 'Commands to Redis that failed or were dropped, and values in it that could not be read.',
    registers,
    collect() {
      this.reset();
      this.inc(store.status.errors);
    },
  });
}
