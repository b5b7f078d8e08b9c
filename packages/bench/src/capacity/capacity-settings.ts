import os from 'node:os';
import { type PolicyName, policyNames } from '@sluice/worker';
import { type BenchFlag, BenchUsageError, type BenchValues, wholeNumber } from '../benchmark.js';
import { modelFlags } from '../engine/model-flags.js';
import { type Trace, traces } from '../simulate/trace.js';

/** Mixed: of half of the requests the strict one, of the others the relaxed one. */
export const objectiveNames = ['strict', 'relaxed', 'mixed'] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

/** The names used here for the traces of trace.ts. */
const traceNames = { chat: 'sharegpt', arxiv: 'arxiv' } as const;
export type TraceName = keyof typeof traceNames;

/** Subjects beside the policies: our own gateway and worker, and llama-server, both over HTTP. */
export const peerNames = ['sluice-http', 'llama-server'] as const;
export type PeerName = (typeof peerNames)[number];

/** What one run of `bench capacity` measures. */
export interface CapacitySettings {
  /** As `sluice up --model` takes it; undefined: the default model. */
  readonly model: string | undefined;
  readonly weights: string;
  readonly kernels: string;
  readonly kv: string;
  readonly threads: number;
  readonly policies: readonly PolicyName[];
  readonly objectives: readonly ObjectiveName[];
  readonly peers: readonly PeerName[];
  /** Tokens of a pass (`-b` and `-ub`) that llama-server is tried with, in this order. */
  readonly peerBatchTokens: readonly number[];
  readonly traces: readonly TraceName[];
  /** Prompt and answer together are scaled to it, tokens. */
  readonly scaleTokens: number;
  /** Of a trial, at most. */
  readonly requestsMax: number;
  /** A trial sends for about so long, unless {@link REQUESTS_MIN} take longer. */
  readonly trialSeconds: number;
  /**
   * For each search; what one leaves over is the next one's. A search begins no trial that would send beyond it.
   * Undefined: all together get what {@link QUICK_SECONDS} leave them.
   */
  readonly searchSeconds: number | undefined;
  /** A search ends when it knows the rate to so large a share of itself. */
  readonly precisionRatio: number;
  readonly seed: number;
  /** Fewer cases, and a setting that is not better than the best one so far is not searched any further. */
  readonly quick: boolean;
  /** Undefined: no plots. */
  readonly outFolder: string | undefined;
}

/** Slots of the model: the batch of the decode iteration that objectives are multiples of. */
export const SLOTS = 32;
/** Of the model; lengths may be scaled to less. */
export const CONTEXT_TOKENS = 2048;
/** Fewer say nothing of a median; a quick run takes what it can get. */
export const REQUESTS_MIN = 24;
const QUICK_REQUESTS_MIN = 16;

const usualPolicies = 'slo,sarathi,prefill-first,iteration-level,hybrid-only';
/** A quick run is over by then, less than two searches late. */
export const QUICK_SECONDS = 540;

export const capacityFlags: Readonly<Record<string, BenchFlag>> = {
  ...modelFlags,
  policies: { value: 'LIST', description: `of ${policyNames.join(', ')} (default ${usualPolicies})` },
  objective: {
    value: 'LIST',
    description: 'of strict, relaxed (5 and 25 decode iterations of 32 rows), mixed (half and half); default all',
  },
  peers: { value: 'LIST', description: 'measured over HTTP: of sluice-http, llama-server, or none (default both)' },
  'peer-batch': { value: 'LIST', description: '-b and -ub of llama-server, 1 to 8192 each (default 128,64,512)' },
  trace: { value: 'NAME', description: 'lengths: chat, arxiv or both (default both; quick chat)' },
  context: {
    value: 'N',
    description: `tokens that lengths are scaled to, 128 to ${CONTEXT_TOKENS} (default ${CONTEXT_TOKENS}; quick 1024)`,
  },
  requests: {
    value: 'N',
    description: `of a trial at most, ${REQUESTS_MIN} to 100000 (default 256; quick 192)`,
  },
  'trial-seconds': { value: 'N', description: 'a trial sends for so long, 1 to 3600 (default 120; quick 10)' },
  'search-seconds': {
    value: 'N',
    description: 'for each capacity, left over for the next, 1 to 86400 (default 900; quick a share of 9 minutes)',
  },
  seed: { value: 'N', description: 'of arrivals and lengths, 0 to 1000000 (default 1)' },
  out: { value: 'DIR', description: 'write plots of both times against the rate there, as SVG and in report.html' },
};

/** @throws BenchUsageError that names flag, value and bound. */
export function readCapacitySettings(values: BenchValues, quick: boolean): CapacitySettings {
  const text = (flag: string): string | undefined => (typeof values[flag] === 'string' ? values[flag] : undefined);
  const whole = (flag: string, otherwise: number, min: number, max: number): number =>
    wholeNumber(flag, text(flag) ?? `${otherwise}`, min, max);
  const traceList = Object.keys(traceNames) as TraceName[];
  return {
    model: text('model'),
    weights: text('weights') ?? 'auto',
    kernels: text('kernels') ?? 'auto',
    kv: text('kv') ?? 'auto',
    threads: whole('threads', os.availableParallelism(), 1, 1024),
    policies: listOf('policies', policyNames, text('policies') ?? usualPolicies),
    objectives: listOf('objective', objectiveNames, text('objective') ?? objectiveNames.join(',')),
    peers: text('peers') === 'none' ? [] : listOf('peers', peerNames, text('peers') ?? peerNames.join(',')),
    peerBatchTokens: (text('peer-batch') ?? '128,64,512')
      .split(',')
      .map((tokens) => wholeNumber('peer-batch', tokens.trim(), 1, 8192)),
    traces: oneOrBoth('trace', traceList, text('trace') ?? (quick ? 'chat' : 'both')),
    scaleTokens: whole('context', quick ? 1024 : CONTEXT_TOKENS, 128, CONTEXT_TOKENS),
    requestsMax: whole('requests', quick ? 192 : 256, REQUESTS_MIN, 100_000),
    trialSeconds: whole('trial-seconds', quick ? 10 : 120, 1, 3_600),
    searchSeconds: quick && text('search-seconds') === undefined ? undefined : whole('search-seconds', 900, 1, 86_400),
    precisionRatio: quick ? 0.1 : 0.025,
    quick,
    seed: whole('seed', 1, 0, 1_000_000),
    outFolder: text('out'),
  };
}

export function traceOf(name: TraceName): Trace {
  return traces[traceNames[name]]!;
}

/** Requests of a trial at a rate: the same for a policy's real trial and its simulated one. */
export function requestsAt(ratePerSecond: number, settings: CapacitySettings): number {
  const wanted = Math.round(ratePerSecond * settings.trialSeconds);
  return Math.min(settings.requestsMax, Math.max(settings.quick ? QUICK_REQUESTS_MIN : REQUESTS_MIN, wanted));
}

function listOf<T extends string>(flag: string, known: readonly T[], list: string): readonly T[] {
  return list.split(',').map((name) => oneOf(flag, known, name.trim()));
}

function oneOf<T extends string>(flag: string, known: readonly T[], name: string): T {
  const found = known.find((one) => one === name);
  if (found !== undefined) return found;
  throw new BenchUsageError(`--${flag} ${name} must be of ${known.join(', ')}`);
}

function oneOrBoth<T extends string>(flag: string, known: readonly T[], name: string): readonly T[] {
  if (name === 'both') return known;
  const found = known.find((one) => one === name);
  if (found !== undefined) return [found];
  throw new BenchUsageError(`--${flag} ${name} must be ${known.join(', ')} or both`);
}
