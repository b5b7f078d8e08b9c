import { cacheFolder, createLog, ServingError, seededRng, systemClock } from '@sluice/shared';
import {
  CHUNK_COUNTS,
  chooseWeights,
  createPolicy,
  Engine,
  greedySampling,
  type KvMode,
  kvModes,
  LaneModel,
  type LaneModelOptions,
  openCompiled,
  openGguf,
  type SequenceEvent,
  type StepPlan,
  type WeightMode,
  type WeightWish,
  weightModes,
} from '@sluice/worker';
import { type BenchResult, BenchUsageError } from '../benchmark.js';
import { type BatchCase, benchSizes, type PassCase } from './engine-cases.js';

export interface PassResult extends BenchResult {
  readonly passMs: { readonly p50: number; readonly p99: number; readonly min: number };
  readonly totalTokensPerSecond: number;
  readonly sketchMs: number | null;
  /** P50 over the sketch's figure: below 1 is faster. */
  readonly ratioToSketch: number | null;
}

export interface BatchResult extends BenchResult {
  readonly totalTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  readonly ttftMs: Quantiles;
  readonly gapMs: Quantiles;
  /** From the end of a forward pass to the start of the next. */
  readonly hostGapMs: Quantiles;
  readonly residentMb: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

export interface BenchModel {
  readonly model: LaneModel;
  readonly weights: WeightMode;
  readonly kv: KvMode;
  close(): void;
}

export type ModelSizes = Omit<LaneModelOptions, 'threads'>;

/** @throws BenchUsageError for weights, or keys and values, of an unknown name. */
export async function openModel(
  path: string,
  weights: string,
  threads: number,
  sizes: ModelSizes = benchSizes,
  kv = 'f32',
): Promise<BenchModel> {
  const wishes = ['auto', ...weightModes] as const;
  const wish = wishes.find((known) => known === weights);
  if (wish === undefined) throw new BenchUsageError(`--weights ${weights} must be ${wishes.join(', ')}`);
  const kvMode = kvModes.find((known) => known === kv);
  if (kvMode === undefined) throw new BenchUsageError(`--kv ${kv} must be ${kvModes.join(', ')}`);
  const { model, mode } = await load(path, wish, kvMode, threads, sizes);
  return { model, weights: mode, kv: kvMode, close: () => model.close() };
}

export async function measurePass(model: LaneModel, one: PassCase, repeats: number): Promise<PassResult> {
  const plan = planOf(one, model.limits.vocabularyCount);
  const times: number[] = [];
  for (let i = -2; i < repeats; i++) {
    const startMs = performance.now();
    await model.forward(plan);
    if (i >= 0) times.push(performance.now() - startMs);
  }
  const { p50, p99 } = quantiles(times);
  const tokens = one.decodes + one.chunks.reduce((sum, chunk) => sum + chunk, 0);
  return {
    subject: one.subject,
    passMs: { p50, p99, min: Math.min(...times) },
    totalTokensPerSecond: (tokens * 1000) / p50,
    sketchMs: one.sketchMs ?? null,
    ratioToSketch: one.sketchMs === undefined ? null : p50 / one.sketchMs,
  };
}

/** All sequences are there at the start; ends with the last one. Runs twice and keeps the second: the first warms up. */
export async function measureBatch(bench: BenchModel, one: BatchCase): Promise<BatchResult> {
  await runBatch(bench, { ...one, sequences: Math.min(one.sequences, 2), outputTokens: 4 });
  return runBatch(bench, one);
}

async function runBatch({ model }: BenchModel, one: BatchCase): Promise<BatchResult> {
  const clock = systemClock();
  const startMs = clock.nowMs();
  const lastTokenMs = new Map<string, number>();
  const ttfts: number[] = [];
  const gaps: number[] = [];
  const hostGaps: number[] = [];
  const listener = (events: readonly SequenceEvent[]): void => {
    const nowMs = clock.nowMs();
    for (const event of events) {
      if (event.kind === 'failed') throw event.error;
      if (event.kind !== 'token') continue;
      const last = lastTokenMs.get(event.id);
      if (last === undefined) ttfts.push(nowMs - startMs);
      else gaps.push(nowMs - last);
      lastTokenMs.set(event.id, nowMs);
    }
  };
  const engine = new Engine(
    { tokenBudget: benchSizes.tokenBudget, kvTokensMax: benchSizes.slots * benchSizes.contextTokens, waitingMax: 1024 },
    {
      model,
      policy: createPolicy('sarathi'),
      clock,
      log: createLog('bench'),
      listener,
      onStep: ({ hostGapMs }) => hostGapMs !== undefined && hostGaps.push(hostGapMs),
    },
  );
  const rng = seededRng(1);
  for (let id = 0; id < one.sequences; id++) {
    const promptIds = Array.from({ length: one.promptTokens }, () => rng.below(model.limits.vocabularyCount));
    const refused = engine.submit({
      id: `${id}`,
      promptIds,
      tokensMax: one.outputTokens,
      sampling: greedySampling,
      stopTokenIds: new Set(),
      logprobsTop: undefined,
    });
    if (refused instanceof ServingError) throw refused;
  }
  await engine.drain();
  const seconds = (clock.nowMs() - startMs) / 1000;
  await engine.close();
  return {
    subject: one.subject,
    totalTokensPerSecond: (one.sequences * (one.promptTokens + one.outputTokens)) / seconds,
    outputTokensPerSecond: (one.sequences * one.outputTokens) / seconds,
    ttftMs: quantiles(ttfts),
    gapMs: quantiles(gaps),
    hostGapMs: quantiles(hostGaps),
    residentMb: process.memoryUsage.rss() / 2 ** 20,
  };
}

async function load(
  path: string,
  wish: WeightWish,
  kv: KvMode,
  threads: number,
  { slots, contextTokens, stepTokensMax }: ModelSizes,
): Promise<{ model: LaneModel; mode: WeightMode }> {
  const file = await openGguf(path);
  try {
    const options = { chunkCounts: CHUNK_COUNTS, cacheFolder: cacheFolder() };
    const { weights } = await chooseWeights(file, wish, { ...options, threads });
    const compiled = await openCompiled(file, { ...options, weights, kv });
    return { model: new LaneModel(compiled, { slots, contextTokens, stepTokensMax, threads }), mode: weights };
  } finally {
    await file.close();
  }
}

function planOf({ decodes, chunks, sampled }: PassCase, vocabularyCount: number): StepPlan {
  const want = { temperatures: sampled ? [0.8] : [] };
  const rng = seededRng(2);
  const tokenIds = (count: number): number[] => Array.from({ length: count }, () => rng.below(vocabularyCount));
  return {
    decodes: tokenIds(decodes).map((tokenId, slot) => ({ slot, tokenId, position: 256, want })),
    chunks: chunks.map((count, index) => ({
      slot: benchSizes.slots - 1 - index,
      tokenIds: tokenIds(count),
      position: 0,
      want,
      wantTokens: 1,
    })),
    resting: [],
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
