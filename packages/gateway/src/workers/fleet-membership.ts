import type { Clock, Rng } from '@sluice/shared';
import { type FleetStore, FleetWatch, type GatewayRecord, Heartbeat } from '@sluice/store';
import type { FleetWorkers } from './fleet-workers.js';

export interface FleetMembershipParts {
  readonly store: FleetStore;
  readonly workers: FleetWorkers;
  readonly clock: Clock;
  readonly rng: Rng;
  /** What this gateway says of itself. */
  readonly record: () => GatewayRecord;
}

/** A gateway's part in its fleet: it takes on the workers that announce themselves, and says that it is there. */
export interface FleetMembership {
  /** What was last read of the fleet. */
  readonly watch: FleetWatch;
  leave(): Promise<void>;
}

export function joinFleet({ store, workers, clock, rng, record }: FleetMembershipParts): FleetMembership {
  const { loads } = store;
  const watch = new FleetWatch({
    loads,
    clock,
    rng,
    onView: (view) => {
      // Never read: nobody knows who is there. Read a while ago: who was there then is the best there is.
      if (view.ageMs !== undefined) workers.announce(view.workers);
    },
  });
  const heartbeat = new Heartbeat({
    put: () => loads.putGateway(record()),
    remove: () => loads.removeGateway(record().id, record().epoch),
    clock,
  });
  return {
    watch,
    leave: async () => {
      watch.stop();
      await heartbeat.stop();
    },
  };
}
