import type { LoadState } from '@sluice/shared';

/** One replica as it announces itself. */
export interface WorkerRecord {
  /** Names the worker in its fleet; by default its address. */
  readonly id: string;
  /** `host:port` of its gRPC service, as gateways reach it. */
  readonly address: string;
  readonly model: string;
  /** New at each start of the worker's process. No white space. */
  readonly epoch: string;
  readonly load: LoadState;
}

/** One gateway process as it announces itself. */
export interface GatewayRecord {
  readonly id: string;
  /** Where clients reach it. */
  readonly url: string;
  /** New at each start of the gateway's process. No white space. */
  readonly epoch: string;
  readonly requestsInFlight: number;
}

/** A record with the milliseconds since its owner last announced it, by the store's own clock. */
export type Known<Record> = Record & { readonly heardAgoMs: number };

/** The fleet at one moment. */
export interface FleetView {
  readonly workers: readonly Known<WorkerRecord>[];
  readonly gateways: readonly Known<GatewayRecord>[];
  /** Milliseconds since this was read from the store: 0 when it was read just now, undefined when it never was. */
  readonly ageMs: number | undefined;
}

/**
 * Who is in the fleet. Members stay for {@link memberExpireMs} after they were last announced.
 *
 * Nothing here throws or waits longer than the store's bound for a command: what cannot be written is dropped, because
 * the next heartbeat says it better, and what cannot be read is answered with what was read last.
 */
export interface LoadStore {
  /** @returns whether it was written. Not written either: a member beyond {@link membersMax} of its kind. */
  putWorker(worker: WorkerRecord): Promise<boolean>;
  /** Takes a worker out, unless another epoch has announced itself under its id since. */
  removeWorker(id: string, epoch: string): Promise<boolean>;
  putGateway(gateway: GatewayRecord): Promise<boolean>;
  removeGateway(id: string, epoch: string): Promise<boolean>;
  /** Everybody who has not expired, ordered by id. */
  read(): Promise<FleetView>;
}

/** How often members announce themselves, and how long they stay when they do not. */
export const heartbeatMs = 500;
export const memberExpireMs = 2_000;
/** Members of a kind (workers, gateways) in one fleet. */
export const membersMax = 10_000;
