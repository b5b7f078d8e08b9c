import type { LoadState } from '@sluice/shared';
import type { GatewayRecord, WorkerRecord } from '../load-store.js';

const idle: LoadState = {
  state: 'ready',
  running: 0,
  waiting: 0,
  prefillTokensWaiting: 0,
  kvTokensUsed: 0,
  kvTokensMax: 4_096,
  slotsMax: 16,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  stepMs: 0,
  steps: 0,
  stepErrorRatio: 0,
  preemptionsCopied: 0,
  preemptionsRecomputed: 0,
  swapBytesUsed: 0,
  hostGapP50Ms: 0,
  hostGapP99Ms: 0,
  tokensDrafted: 0,
  tokensAccepted: 0,
};

type WorkerFields = Partial<Omit<WorkerRecord, 'load'>> & { readonly load?: Partial<LoadState> };

/** An idle worker, but for what is given. */
export function worker(id: string, { load, ...fields }: WorkerFields = {}): WorkerRecord {
  return { id, address: id, model: 'tiny', epoch: 'epoch-1', ...fields, load: { ...idle, ...load } };
}

export function gateway(id: string): GatewayRecord {
  return { id, url: `http://${id}:8000`, epoch: 'epoch-1', requestsInFlight: 2 };
}
