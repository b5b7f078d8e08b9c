import type { Clock, Logger } from '@sluice/shared';
import type { RedisTarget } from '@sluice/store';
import type { MetricPart } from '../metrics/whole-metrics.js';
import type { Siblings, WorkerChange } from '../processes/siblings.js';
import type { RoutingName } from '../routing/policies.js';
import type { AccessOptions } from './access.js';
import type { WorkerOptions } from './connect-worker.js';

export interface GatewayOptions extends AccessOptions, WorkerOptions {
  /** Workers to attach to, see parseWorkerAddress; more may come by `redis`, `workerDns` and admin calls. */
  readonly workers: readonly string[];
  /** Where the fleet is announced; see parseRedisUrl. It need not be there when the gateway starts. */
  readonly redis?: RedisTarget;
  /** Name of the fleet in Redis. Default `default`. */
  readonly fleet?: string;
  /** Names whose addresses are workers, `host:port`, or upstreams, `http://host:port`; resolved every 5 s. */
  readonly workerDns?: readonly string[];
  /** What admin calls need where callers have no credentials and are elsewhere; see adminAccess. */
  readonly adminKey?: string;
  /** Origins of web pages that may call the API; `*` stands for all. Default none. */
  readonly corsOrigins?: readonly string[];
  /** File of rules for what goes in and out; see parseContentRules. */
  readonly contentRulesFile?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any free one. Default 8000. */
  readonly port?: number;
  /** Requests in flight, beyond which callers get 429. Default 4,096. */
  readonly requestsMax?: number;
  /** Requests that may wait for a worker of one model. Default 2,048. */
  readonly queueRequestsMax?: number;
  /** Prompt tokens that may wait for a worker of one model. Default 4,000,000. */
  readonly queueTokensMax?: number;
  /** Milliseconds that a request waits for a worker that could begin it. Default 60,000. */
  readonly queueMsMax?: number;
  /** Bytes of one body. Default 8 MB. */
  readonly bodyBytesMax?: number;
  /** Bytes of all bodies in flight. Default 256 MB. */
  readonly bodiesBytesMax?: number;
  /** Bytes that may wait for one client that does not read, before it is cut. Default 1 MB. */
  readonly replyBufferBytesMax?: number;
  /** Connections of clients. Default 16,384. */
  readonly connectionsMax?: number;
  /** How a worker is chosen for a request. Default `ttft`. */
  readonly routing?: RoutingName;
  /** Bytes of what is remembered of prompts sent to workers, for routing; 64 KiB to 64 GiB. Default 64 MiB. */
  readonly prefixIndexBytesMax?: number;
  /** Milliseconds that a request which lost its worker waits for one that takes it. 0: it fails at once. Default 15,000. */
  readonly resumeWaitMs?: number;
  /** Processes that serve on this port, this one included: bounds on all requests together are shared out. Default 1. */
  readonly processes?: number;
  /** The others of them. */
  readonly siblings?: Siblings;
  /** Milliseconds for which the port is left to others until the workers are attached. Default 0: it opens at once. */
  readonly attachFirstMs?: number;
  /** Whether streams are written down in `redis`, so that clients who lose one get the rest anywhere. Default false. */
  readonly journal?: boolean;
  /** Milliseconds that requests in flight get to end when the gateway closes. Default 30,000. */
  readonly drainMs?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}

export interface RunningGateway {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no new requests, lets those in flight end for at most `drainMs` (default: the option's), ends the rest with
   * an error that their clients see, and frees everything. The same promise when called again.
   */
  close(drainMs?: number): Promise<void>;
  /**
   * As `close`, where another process has the port already: requests that still come on open connections are served,
   * and those connections closed behind the answer, until none has come for a second.
   */
  retire(drainMs?: number): Promise<void>;
  /** Whether it could serve a request, or has left that to another process. */
  readonly isReady: boolean;
  /** What it has counted. */
  metrics(): Promise<MetricPart>;
  /** An admin's word that came to another process. */
  changeWorkers(change: WorkerChange): void;
}
