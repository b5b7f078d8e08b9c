import type { ClientAnswer } from './simulated-client.js';
import type { SystemFault } from './system-faults.js';
import type { AskedRequest } from './system-scenario.js';

/** One thing that happened, with its time. Plain data, so that two histories compare by their text. */
export type SystemRecord = { readonly atMs: number } & SystemEntry;

export type SystemEntry =
  /** A client has sent its request. */
  | { readonly kind: 'asked'; readonly id: string; readonly gateway: number }
  /** A client whose connection broke asks a gateway for the rest of its stream. */
  | { readonly kind: 'returned'; readonly id: string; readonly gateway: number }
  /** The gateway sees that a client is gone. */
  | { readonly kind: 'client-gone'; readonly id: string; readonly gateway: number }
  /** Text that has reached a client. */
  | { readonly kind: 'text'; readonly id: string; readonly text: string }
  | { readonly kind: 'answered'; readonly id: string; readonly answer: ClientAnswer }
  /** A gateway sends a request to a worker, behind so many tokens. Upstreams are numbered behind the workers of ours. */
  | {
      readonly kind: 'submit';
      readonly id: string;
      readonly gateway: number;
      readonly worker: number;
      readonly generatedIds: readonly number[];
    }
  | { readonly kind: 'cancel'; readonly id: string; readonly gateway: number; readonly worker: number }
  /** Tokens of a request have reached a gateway; upstreams do not say which. */
  | {
      readonly kind: 'tokens';
      readonly id: string;
      readonly gateway: number;
      readonly worker: number;
      readonly tokenIds: readonly number[];
    }
  /** A worker says that it is done with a request: `finished`, or a code. */
  | {
      readonly kind: 'released';
      readonly id: string;
      readonly gateway: number;
      readonly worker: number;
      readonly how: string;
    }
  | { readonly kind: 'attached'; readonly gateway: number; readonly worker: number }
  /** A stream between a gateway and a worker is over for the gateway; these requests were on it. */
  | {
      readonly kind: 'detached';
      readonly gateway: number;
      readonly worker: number;
      readonly ids: readonly string[];
      readonly isDeath: boolean;
    }
  /** A worker's plan is made of more sequences than anybody wants of it. */
  | { readonly kind: 'planned-late'; readonly worker: number; readonly planned: number; readonly wanted: number }
  | { readonly kind: 'fault'; readonly fault: SystemFault }
  | { readonly kind: 'broken'; readonly message: string }
  /** All is over but nothing is closed yet. */
  | {
      readonly kind: 'rest';
      readonly gateways: readonly GatewayRest[];
      readonly workers: readonly WorkerRest[];
      readonly upstreams: readonly { readonly upstream: number; readonly requests: number }[];
    }
  /** All is closed. */
  | { readonly kind: 'closed'; readonly process: string; readonly timers: number };

/** What a gateway that runs has left in it. */
export interface GatewayRest {
  readonly gateway: number;
  readonly requests: number;
  readonly bodyBytes: number;
  readonly queued: number;
  readonly queuedTokens: number;
  readonly quotes: number;
  readonly workers: readonly {
    readonly worker: number;
    readonly isReady: boolean;
    readonly circuit: string;
    readonly inFlight: number;
    readonly unreportedRequests: number;
    readonly unreportedTokens: number;
  }[];
}

export interface WorkerRest {
  readonly worker: number;
  readonly running: number;
  readonly waiting: number;
  readonly prefillTokensWaiting: number;
  readonly swapBytesUsed: number;
  readonly liveRequests: number;
  readonly streams: number;
}

export type SystemHistory = readonly SystemRecord[];

/** What happened to each request, in its order. */
export function requestsOf(
  history: SystemHistory,
  {
    requests,
    afterwards,
  }: { readonly requests: readonly AskedRequest[]; readonly afterwards: readonly AskedRequest[] },
): readonly { readonly request: AskedRequest; readonly records: readonly SystemRecord[] }[] {
  const byId = new Map<string, SystemRecord[]>();
  for (const record of history) {
    for (const id of 'id' in record ? [record.id] : record.kind === 'detached' ? record.ids : []) {
      const records = byId.get(id) ?? [];
      records.push(record);
      byId.set(id, records);
    }
  }
  return [...requests, ...afterwards].map((request) => ({ request, records: byId.get(request.id) ?? [] }));
}
