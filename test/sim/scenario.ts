import { type Rng, seededRng } from '@sluice/shared';
import type { EngineOptions } from '../../packages/worker/src/engine/engine.js';
import type { ModelLimits } from '../../packages/worker/src/engine/model-port.js';
import {
  greedySampling,
  priorities,
  type SamplingParams,
  type SequenceRequest,
  type ServiceTerms,
} from '../../packages/worker/src/engine/sequence.js';
import { type Faults, noFaults, withFaults } from './faults.js';
import { withExecutors } from './side-by-side.js';

/** One run, as data: who asks for what and when, what goes wrong, and how large the machine is. */
export interface Scenario {
  readonly seed: number;
  readonly limits: ModelLimits;
  /** Passes that can run side by side, */
  readonly executors: number;
  /** from that pass on; before, one at a time. */
  readonly executorsOpenAtPass: number;
  readonly options: EngineOptions;
  readonly requests: readonly { readonly atMs: number; readonly request: SequenceRequest }[];
  readonly cancels: readonly { readonly atMs: number; readonly id: string }[];
  /** Numbers of passes, from 0. */
  readonly failingPasses: ReadonlySet<number>;
  /** The same; they never end unless they are stopped. */
  readonly hangingPasses: ReadonlySet<number>;
  readonly drainAtMs: number | undefined;
  readonly cost: PassCost;
  readonly faults: Faults;
}

/** Duration of a simulated pass: `baseMs + tokens * tokenMs + pairs of tokens that attend * pairMs`, and jitter. */
export interface PassCost {
  readonly baseMs: number;
  readonly tokenMs: number;
  readonly pairMs: number;
  /** A pass takes up to so much more than that, drawn. */
  readonly jitterRatio: number;
}

const VOCABULARY = 24;
/** Streams of a seed below it are the passes' own. */
const HANGING_STREAM = 1_000_000;
const SWAP_STREAM = 1_000_001;
const DRAFTS_STREAM = 1_000_002;
const ABREAST_STREAM = 1_000_003;
const SPAN_STREAM = 1_000_004;
const ROUNDING_STREAM = 1_000_005;

/**
 * Draws a scenario. Each seed leaves some features out altogether, so that no feature hides another (Groce et al., Swarm
 * Testing, ISSTA 2012).
 */
export function drawScenario(seed: number): Scenario {
  const rng = seededRng(seed);
  const has = (share: number): boolean => rng.next() < share;
  const slotsMax = 1 + rng.below(has(0.2) ? 12 : 5);
  const contextTokens = 32 + rng.below(has(0.2) ? 200 : 64);
  const tokenBudget = slotsMax + 16 + (has(0.3) ? 0 : rng.below(24));
  const count = 1 + rng.below(has(0.1) ? 60 : 14);
  const features = {
    burst: has(0.3),
    smallMemory: has(0.5),
    sampled: has(0.5),
    cancels: has(0.5),
    failures: has(0.25),
    longPrompts: has(0.4),
    badRequests: has(0.2),
    shortQueue: has(0.2),
    drain: has(0.1),
    terms: has(0.4),
    alike: has(0.5),
    // So slow that requests age into another class while they wait.
    slow: has(0.25),
  };
  const kvBlocks = features.smallMemory ? 5 + rng.below(4) : Math.ceil((slotsMax * contextTokens) / 16);
  const meanGapMs = 1 + rng.below(120);
  let atMs = 0;
  const requests = Array.from({ length: count }, (_, index) => {
    atMs += features.burst ? (has(0.15) ? meanGapMs * 6 : 0) : -Math.log(1 - rng.next()) * meanGapMs;
    return { atMs, request: drawRequest(rng, index, contextTokens, features) };
  });
  const cancels = features.cancels
    ? requests.filter(() => has(0.4)).map((one) => ({ atMs: one.atMs + rng.next() * 400, id: one.request.id }))
    : [];
  if (features.cancels && has(0.2)) for (const { request } of requests) cancels.push({ atMs, id: request.id });
  const scenario: Scenario = {
    seed,
    executors: 1,
    executorsOpenAtPass: 0,
    limits: {
      vocabularyCount: VOCABULARY,
      slotsMax,
      contextTokens,
      stepTokensMax: tokenBudget + rng.below(2) * 200,
      chunksMax: 1 + rng.below(2),
      chunksAbreast: 1 + seededRng(seed, ABREAST_STREAM).below(3),
      chunkBlockTokens: 4 + 4 * rng.below(3),
      decodeTokensMax: 1 + seededRng(seed, DRAFTS_STREAM).below(8),
      decodesSpanSlots: seededRng(seed, SPAN_STREAM).below(5) > 0,
      chunksRoundAsDecodes: seededRng(seed, ROUNDING_STREAM).below(4) === 0,
      wantedRowsMax: 8 * slotsMax,
    },
    options: {
      tokenBudget,
      kvTokensMax: kvBlocks * 16 + rng.below(16),
      waitingMax: features.shortQueue ? 3 : 100,
      prefixCache: has(0.75),
      swapBytesMax: drawSwapBytes(seededRng(seed, SWAP_STREAM)),
      speculation: 'ngram',
    },
    requests,
    cancels,
    failingPasses: new Set(features.failures ? Array.from({ length: 1 + rng.below(3) }, () => rng.below(40)) : []),
    // Drawn apart, so that the other features of a seed stay what they are.
    hangingPasses: drawHangingPasses(seededRng(seed, HANGING_STREAM)),
    drainAtMs: features.drain ? rng.next() * atMs : undefined,
    cost: drawCost(rng, features.slow),
    faults: noFaults,
  };
  return withFaults(withExecutors(scenario));
}

function drawHangingPasses(rng: Rng): ReadonlySet<number> {
  return new Set(rng.next() < 0.1 ? [rng.below(30)] : []);
}

/** For copies of preempted sequences: nothing, room for one or two, room for all. */
function drawSwapBytes(rng: Rng): number {
  return [0, 120, 100_000][rng.below(3)]!;
}

function drawCost(rng: Rng, isSlow: boolean): PassCost {
  const scale = isSlow ? 200 : 1;
  return {
    baseMs: (2 + rng.below(6)) * scale,
    tokenMs: (0.2 + rng.next()) * scale,
    pairMs: rng.next() * 0.005 * scale,
    jitterRatio: 0.1,
  };
}

interface RequestFeatures {
  readonly sampled: boolean;
  readonly longPrompts: boolean;
  readonly badRequests: boolean;
  readonly terms: boolean;
  /** Answers are longer, so that they outgrow it. */
  readonly smallMemory: boolean;
  /** Prompts begin with one of two texts. */
  readonly alike: boolean;
}

function drawRequest(rng: Rng, index: number, contextTokens: number, features: RequestFeatures): SequenceRequest {
  const bad = features.badRequests && rng.next() < 0.3 ? 1 + rng.below(3) : 0;
  const longest = features.longPrompts ? contextTokens - 1 : Math.min(features.alike ? 48 : 20, contextTokens - 1);
  const promptTokens = bad === 1 ? contextTokens : bad === 2 ? 0 : 1 + rng.below(longest);
  return {
    // Two live requests of one id are a caller's mistake with a defined answer.
    id: `r${bad === 3 ? Math.max(0, index - 1) : index}`,
    promptIds: drawPrompt(rng, promptTokens, features.alike),
    tokensMax: (1 + rng.below(24)) * (features.smallMemory ? 4 : 1) + (features.smallMemory ? 16 : 0),
    sampling: features.sampled && rng.next() < 0.7 ? drawSampling(rng) : greedySampling,
    stopTokenIds: new Set(
      rng.next() < (features.smallMemory ? 0.1 : 0.4) ? [rng.below(VOCABULARY), rng.below(VOCABULARY)] : [],
    ),
    logprobsTop: rng.next() < 0.2 ? 2 : undefined,
    ...(features.terms ? { terms: drawTerms(rng) } : {}),
  };
}

function drawPrompt(rng: Rng, promptTokens: number, isAlike: boolean): number[] {
  const begun = isAlike ? promptTokens - rng.below(1 + rng.below(promptTokens + 1)) : 0;
  const text = seededRng(rng.below(2));
  return Array.from({ length: promptTokens }, (_, index) => (index < begun ? text : rng).below(VOCABULARY));
}

function drawTerms(rng: Rng): ServiceTerms {
  return {
    priority: priorities[rng.below(priorities.length)] ?? 'normal',
    ttftMs: rng.below(2) === 1 ? 20 + rng.below(400) : undefined,
    tbtMs: rng.below(2) === 1 ? 5 + rng.below(60) : undefined,
    client: `client ${rng.below(3)}`,
  };
}

function drawSampling(rng: Rng): SamplingParams {
  const coin = (): boolean => rng.below(2) === 1;
  return {
    temperature: coin() ? 0.8 : 0,
    topK: coin() ? 5 : 0,
    topP: coin() ? 0.9 : 1,
    minP: 0,
    repetitionPenalty: coin() ? 1.3 : 1,
    presencePenalty: coin() ? 0.5 : 0,
    frequencyPenalty: coin() ? 0.4 : 0,
    seed: rng.below(1000),
    logitBias: new Map(coin() ? [[rng.below(VOCABULARY), 2]] : []),
  };
}
