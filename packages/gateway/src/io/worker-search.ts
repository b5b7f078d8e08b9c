import type { Clock, Logger } from '@sluice/shared';
import type { FleetWatch } from '@sluice/store';
import type { FleetMembership } from '../workers/fleet-membership.js';
import type { FleetWorkers } from '../workers/fleet-workers.js';
import { watchDns } from './dns-workers.js';

export interface WorkerSearchParts {
  /** Whose addresses are workers. */
  readonly names: readonly string[];
  /** Joins the fleet that Redis knows of; undefined: there is none. */
  readonly joins: (() => FleetMembership) | undefined;
  readonly workers: FleetWorkers;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface WorkerSearch {
  /** Of the fleet, where there is one. */
  readonly watch: FleetWatch | undefined;
  leave(): Promise<void>;
}

/** Finds workers by DNS and in Redis; those of the command line and of admin calls need no looking for. */
export function searchWorkers({ names, joins, workers, clock, log }: WorkerSearchParts): WorkerSearch {
  /** By name, because one name's answer says nothing of the others. */
  const resolved = new Map<string, readonly string[]>();
  const watched = names.map((name) => {
    const offer = (found: readonly string[]): void => {
      resolved.set(name, found);
      workers.offer('dns', [...resolved.values()].flat());
    };
    return watchDns(name, offer, clock, log);
  });
  const membership = joins?.();
  return {
    watch: membership?.watch,
    leave: async () => {
      for (const name of watched) name.stop();
      await membership?.leave();
    },
  };
}
