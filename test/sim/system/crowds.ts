import { seededRng } from '@sluice/shared';
import { greedySampling } from '../../../packages/worker/src/engine/sequence.js';
import type { AskedRequest, SystemScenario, WorkerSizes } from './system-scenario.js';
import { MODEL } from './system-scenario.js';

/** Many requests at a whole fleet, of which nothing fails. */
export interface Crowd {
  readonly seed: number;
  readonly gateways: number;
  readonly workers: number;
  /** The moments at which requests come, milliseconds. */
  readonly arrivalsMs: readonly number[];
  /** Tokens of a prompt and an answer. */
  readonly drawLengths: (draw: () => number) => { readonly prompt: number; readonly answer: number };
}

/** A machine of 8 slots, on which a token takes a millisecond. */
const sizes: WorkerSizes = {
  slotsMax: 8,
  kvTokensMax: 8 * 96,
  waitingMax: 100,
  swapBytesMax: 0,
  policy: 'slo',
  cost: { baseMs: 6, tokenMs: 1, pairMs: 0, jitterRatio: 0.2 },
  framesUnacknowledgedMax: 64,
  pendingBytesMax: 4 * 2 ** 20,
};

/** Requests that come at once, at `atMs`. */
export function allAt(atMs: number, count: number): readonly number[] {
  return new Array<number>(count).fill(atMs);
}

/** Requests that come by chance, so many a second. */
export function atRate(seed: number, fromMs: number, count: number, perSecond: number): readonly number[] {
  const rng = seededRng(seed);
  let atMs = fromMs;
  return Array.from({ length: count }, () => {
    atMs -= (Math.log(1 - rng.next()) * 1000) / perSecond;
    return atMs;
  });
}

/** @param restMs behind the last request until all of them have ended. */
export function crowdScenario(crowd: Crowd, restMs: number): SystemScenario {
  const rng = seededRng(crowd.seed, 6_000_000);
  const requests = crowd.arrivalsMs.map((atMs, index): AskedRequest => {
    const { prompt, answer } = crowd.drawLengths(() => rng.next());
    const promptIds = Array.from({ length: prompt }, () => 2 + rng.below(13));
    return plainRequest(`r${index}`, atMs, index % crowd.gateways, promptIds, answer);
  });
  const lastMs = Math.max(...crowd.arrivalsMs);
  return {
    seed: crowd.seed,
    gateways: Array.from({ length: crowd.gateways }, () => ({
      routing: 'ttft',
      requestsMax: 4_096,
      queueRequestsMax: 2_048,
      queueMsMax: 600_000,
      replyBufferBytesMax: 2 ** 20,
      resumeWaitMs: 15_000,
    })),
    workers: Array.from({ length: crowd.workers }, () => sizes),
    upstreams: [],
    latencyMs: 1,
    membership: 'static',
    callers: undefined,
    hasJournals: false,
    requests,
    faults: [],
    calmMs: lastMs,
    afterwards: [plainRequest('last', lastMs + restMs, 0, [3, 4, 5], 1)],
  };
}

function plainRequest(
  id: string,
  atMs: number,
  gateway: number,
  promptIds: readonly number[],
  tokensMax: number,
): AskedRequest {
  return {
    id,
    atMs,
    gateway,
    promptIds,
    tokensMax,
    sampling: greedySampling,
    stopStrings: [],
    ignoreEnd: true,
    stream: true,
    body: { model: MODEL, prompt: promptIds, max_tokens: tokensMax, temperature: 0, ignore_eos: true, stream: true },
    headers: {},
    readBytesPerMs: undefined,
    leavesAfterMs: undefined,
    leavesAfterText: false,
  };
}
