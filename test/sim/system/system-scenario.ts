import { type Rng, seededRng } from '@sluice/shared';
import { type RoutingName, routingNames } from '../../../packages/gateway/src/routing/policies.js';
import type { policyNames } from '../../../packages/worker/src/engine/scheduler/policies.js';
import { greedySampling, type SamplingParams } from '../../../packages/worker/src/engine/sequence.js';
import type { PassCost } from '../scenario.js';
import { type AskingCaller, keyOf } from './simulated-keys.js';
import { END_TOKEN } from './small-text.js';
import { drawFaults, drawGatewayDeaths, type SystemFault } from './system-faults.js';
import { drawUpstreamFaults, drawUpstreams, type UpstreamSizes } from './upstream-scenario.js';

/** One run of a whole fleet as data: who asks whom for what and when, what goes wrong, and how large everything is. */
export interface SystemScenario {
  readonly seed: number;
  readonly gateways: readonly GatewaySizes[];
  readonly workers: readonly WorkerSizes[];
  /** Beside the workers, or alone. */
  readonly upstreams: readonly UpstreamSizes[];
  /** Between gateways and workers. */
  readonly latencyMs: number;
  /** Whether gateways hear of workers from the store, or have been told. */
  readonly membership: 'store' | 'static';
  /** Who may ask, and how often; undefined: anybody. */
  readonly callers: readonly AskingCaller[] | undefined;
  /** Whether gateways write streams down, and clients come back for them. */
  readonly hasJournals: boolean;
  readonly requests: readonly AskedRequest[];
  readonly faults: readonly SystemFault[];
  /** Everything is whole again from then on. */
  readonly calmMs: number;
  /** Asked when the fleet has had time to recover; every one of them has to get its whole answer. */
  readonly afterwards: readonly AskedRequest[];
}

export interface GatewaySizes {
  readonly routing: RoutingName;
  readonly requestsMax: number;
  readonly queueRequestsMax: number;
  readonly queueMsMax: number;
  readonly replyBufferBytesMax: number;
  readonly resumeWaitMs: number;
}

export interface WorkerSizes {
  readonly slotsMax: number;
  readonly kvTokensMax: number;
  readonly waitingMax: number;
  readonly swapBytesMax: number;
  readonly policy: PolicyName;
  readonly cost: PassCost;
  readonly framesUnacknowledgedMax: number;
  readonly pendingBytesMax: number;
}

export interface AskedRequest {
  readonly id: string;
  readonly atMs: number;
  readonly gateway: number;
  readonly promptIds: readonly number[];
  readonly tokensMax: number;
  readonly sampling: SamplingParams;
  readonly stopStrings: readonly string[];
  readonly ignoreEnd: boolean;
  readonly stream: boolean;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Where callers are told apart. */
  readonly caller?: string;
  /** How fast its client reads; undefined: at once. */
  readonly readBytesPerMs: number | undefined;
  readonly leavesAfterMs: number | undefined;
  /** Its client leaves at the first text. */
  readonly leavesAfterText: boolean;
}

export const CONTEXT_TOKENS = 96;
export const MODEL = 'hashes';

/** Milliseconds from calm on in which circuits close and workers come back. */
const RECOVERY_MS = 8_000;
/** So that even one slow worker has done with one before the next comes. */
const AFTERWARDS_GAP_MS = 600;
type PolicyName = (typeof policyNames)[number];

const POLICIES: readonly PolicyName[] = ['slo', 'sarathi', 'sjf', 'vtc'];

/** Draws a scenario. As for the engine alone each seed leaves some features out altogether. */
export function drawSystemScenario(seed: number): SystemScenario {
  const rng = seededRng(seed, 7_000_000);
  const has = (share: number): boolean => rng.next() < share;
  const features = {
    smallQueue: has(0.2),
    smallWorkers: has(0.3),
    smallMemory: has(0.3),
    smallFrames: has(0.25),
    smallBuffers: has(0.25),
    fewPlaces: has(0.1),
    impatient: has(0.4),
    slowReaders: has(0.25),
    burst: has(0.3),
    alike: has(0.3),
    sampled: has(0.4),
    stops: has(0.4),
  };
  const gateways = Array.from(
    { length: 1 + rng.below(3) },
    (): GatewaySizes => ({
      routing: routingNames[rng.below(routingNames.length)]!,
      requestsMax: features.fewPlaces ? 4 : 1_000,
      queueRequestsMax: features.smallQueue ? 2 : 200,
      queueMsMax: features.smallQueue ? 400 : 15_000,
      replyBufferBytesMax: features.smallBuffers ? 1_500 : 2 ** 20,
      resumeWaitMs: has(0.2) ? 1_000 : 15_000,
    }),
  );
  const drawn = Array.from({ length: 1 + rng.below(4) }, () => drawWorker(rng, features));
  const upstreamRng = seededRng(seed, 7_000_004);
  const upstreams = upstreamRng.next() < 0.3 ? drawUpstreams(upstreamRng) : [];
  const workers = upstreams.length > 0 && upstreamRng.next() < 0.4 ? [] : drawn;
  const count = 6 + rng.below(has(0.2) ? 40 : 16);
  const meanGapMs = 5 + rng.below(150);
  const shared = Array.from({ length: 30 }, () => rng.below(VOCABULARY_OF_PROMPTS));
  let atMs = 1_000;
  const requests = Array.from({ length: count }, (_, index) => {
    atMs += features.burst ? (has(0.1) ? meanGapMs * 8 : 0) : -Math.log(1 - rng.next()) * meanGapMs;
    return drawRequest(rng, `r${index}`, atMs, rng.below(gateways.length), { ...features, shared });
  });
  const bounds = { gateways: gateways.length, workers: drawn.length, fromMs: 900, toMs: atMs + 600 };
  const journalRng = seededRng(seed, 7_000_002);
  const hasJournals = journalRng.next() < 0.4;
  // Journals are of use where gateways die.
  const deaths = hasJournals && journalRng.next() < 0.6 ? drawGatewayDeaths(journalRng, bounds) : [];
  const faults = [
    ...drawFaults(seededRng(seed, 7_000_001), bounds).filter((fault) => workers.length > 0 || !('worker' in fault)),
    ...deaths,
    ...(upstreams.length === 0 ? [] : drawUpstreamFaults(upstreamRng, { ...bounds, upstreams: upstreams.length })),
  ].sort((a, b) => a.atMs - b.atMs);
  const limitRng = seededRng(seed, 7_000_003);
  const callers = limitRng.next() < 0.3 ? drawCallers(limitRng) : undefined;
  const calmMs = Math.max(atMs, ...faults.map(({ atMs: faultMs, ms }) => faultMs + ms));
  const plain = { alike: false, sampled: false, stops: false, impatient: false, slowReaders: false, shared };
  const afterwards = gateways.flatMap((_, gateway) =>
    Array.from({ length: 3 }, (_, index) => {
      const atMs = calmMs + RECOVERY_MS + AFTERWARDS_GAP_MS * (index * gateways.length + gateway);
      return drawRequest(rng, `a${gateway}.${index}`, atMs, gateway, { ...plain, tokensMax: 8 });
    }),
  );
  return {
    seed,
    gateways,
    workers,
    upstreams,
    latencyMs: 0.2 + rng.next() * (has(0.2) ? 30 : 2),
    membership: has(0.5) ? 'store' : 'static',
    callers,
    hasJournals,
    requests: requests.map((request) => asCaller(request, callers, request.headers.authorization?.at(-1) ?? '')),
    faults,
    calmMs,
    afterwards: afterwards.map((request) => asCaller(request, callers, UNLIMITED)),
  };
}

/** Of those who may ask as often as they like. */
const UNLIMITED = '3';

function drawCallers(rng: Rng): readonly AskingCaller[] {
  const limited = [0, 1, 2].map((caller) => ({ name: `${caller}`, requestsPerMinute: 1 + rng.below(8) }));
  return [...limited, { name: UNLIMITED, requestsPerMinute: undefined }];
}

function asCaller(request: AskedRequest, callers: SystemScenario['callers'], name: string): AskedRequest {
  if (callers === undefined) return request;
  return { ...request, caller: name, headers: { ...request.headers, authorization: `Bearer ${keyOf(name)}` } };
}

function drawWorker(
  rng: Rng,
  features: Readonly<Record<'smallWorkers' | 'smallMemory' | 'smallFrames', boolean>>,
): WorkerSizes {
  const slotsMax = 1 + rng.below(5);
  return {
    slotsMax,
    kvTokensMax: features.smallMemory ? CONTEXT_TOKENS + 16 * rng.below(4) : slotsMax * CONTEXT_TOKENS,
    waitingMax: features.smallWorkers ? 1 : 100,
    swapBytesMax: [0, 400, 100_000][rng.below(3)]!,
    policy: POLICIES[rng.below(POLICIES.length)]!,
    cost: { baseMs: 4 + rng.below(20), tokenMs: 0.2 + rng.next() * 0.5, pairMs: 0, jitterRatio: 0.2 },
    framesUnacknowledgedMax: features.smallFrames ? 4 : 64,
    pendingBytesMax: features.smallFrames ? 500 : 4 * 2 ** 20,
  };
}

/** Prompts are of tokens that text can also be written with: the letters from c on. */
const VOCABULARY_OF_PROMPTS = 13;
const FIRST_LETTER = 2;

interface RequestFeatures {
  readonly alike: boolean;
  readonly sampled: boolean;
  readonly stops: boolean;
  readonly impatient: boolean;
  readonly slowReaders: boolean;
  readonly tokensMax?: number;
  readonly shared: readonly number[];
}

function drawRequest(rng: Rng, id: string, atMs: number, gateway: number, features: RequestFeatures): AskedRequest {
  const has = (share: number): boolean => rng.next() < share;
  const own = Array.from({ length: 1 + rng.below(40) }, () => rng.below(VOCABULARY_OF_PROMPTS));
  const isAlike = features.alike && has(0.6);
  const promptIds = (isAlike ? [...features.shared, ...(has(0.5) ? own.slice(0, 4) : [])] : own).map(
    (letter) => letter + FIRST_LETTER,
  );
  const tokensMax = 1 + rng.below(features.tokensMax ?? (has(0.3) ? 50 : 20));
  const isSampled = features.sampled && has(0.7);
  const sampling = isSampled ? { ...greedySampling, temperature: 0.75, seed: rng.below(2 ** 31) } : greedySampling;
  const stopStrings = features.stops && has(0.6) ? [letter(rng), letter(rng) + letter(rng)] : [];
  const ignoreEnd = has(0.7);
  const stream = has(0.75);
  const impatience = features.impatient ? rng.below(4) : 0;
  const asText = has(0.3);
  return {
    id,
    atMs,
    gateway,
    promptIds,
    tokensMax,
    sampling,
    stopStrings,
    ignoreEnd,
    stream,
    body: {
      model: MODEL,
      prompt: asText ? promptIds.map((token) => String.fromCharCode(97 + token)).join('') : promptIds,
      max_tokens: tokensMax,
      temperature: sampling.temperature,
      seed: sampling.seed,
      ignore_eos: ignoreEnd,
      ...(stopStrings.length === 0 ? {} : { stop: stopStrings }),
      ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    },
    headers: {
      'x-sluice-priority': ['low', 'normal', 'high'][rng.below(3)]!,
      authorization: `Bearer ${rng.below(3)}`,
    },
    readBytesPerMs: features.slowReaders && stream && has(0.4) ? 0.2 + rng.next() * 3 : undefined,
    leavesAfterMs: impatience === 1 ? rng.next() * 30 : impatience === 2 ? rng.next() * 600 : undefined,
    leavesAfterText: impatience === 3 && stream,
  };
}

/** Of the vocabulary's letters. */
function letter(rng: Rng): string {
  return String.fromCharCode(97 + rng.below(15));
}

/** That end an answer, as the worker reads a request. */
export function stopTokensOf({ ignoreEnd }: Pick<AskedRequest, 'ignoreEnd'>): ReadonlySet<number> {
  return new Set(ignoreEnd ? [] : [END_TOKEN]);
}
