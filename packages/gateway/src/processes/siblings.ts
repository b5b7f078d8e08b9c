import type { LimitStore } from '@sluice/store';
import type { MetricPart } from '../metrics/whole-metrics.js';

/** An admin's word on a worker, which holds in all processes of a gateway. */
export interface WorkerChange {
  readonly kind: 'add' | 'remove';
  /** `host:port` */
  readonly address: string;
}

/** What the other processes of a gateway have counted. */
export interface SiblingMetrics {
  readonly parts: readonly MetricPart[];
  /** Processes whose counts these are, besides this one; those before them do not count. */
  readonly counted: number;
  /** Processes that did not answer in time. */
  readonly silent: number;
}

/** The other processes of one gateway, which share its port. Nothing here throws or rejects. */
export interface Siblings {
  /** Limits that all processes count on together. */
  readonly limits: LimitStore;
  /** What the others have counted, and those before them. Waits for a bounded time. */
  metrics(): Promise<SiblingMetrics>;
  /** Whether all of the others that answer in time could serve a request. */
  areReady(): Promise<boolean>;
  /** Lets the others follow. */
  tellWorkers(change: WorkerChange): void;
}
