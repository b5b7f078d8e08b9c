import { seededRng, systemClock } from '@sluice/shared';
import { greedySampling, type SequenceRequest } from '@sluice/worker';
import type { BenchResult } from '../benchmark.js';
import { shortQualityText } from '../quality/quality-text.js';
import type { BatchCase, MixedLoad } from './engine-cases.js';
import { type BenchModel, type Quantiles, quantiles } from './measure.js';
import { runRequests } from './run-requests.js';

export interface BatchResult extends BenchResult {
  readonly totalTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  readonly ttftMs: Quantiles;
  readonly gapMs: Quantiles;
  /** From the end of a forward pass to the start of the next. */
  readonly hostGapMs: Quantiles;
  /** The same where the next computes no prompt: choosing tokens and planning, without letting anybody in. */
  readonly decodeHostGapMs: Quantiles;
  readonly residentMb: number;
}

/** How well the engine's cost model knew what its steps would take. */
export interface CostResult extends BenchResult {
  readonly steps: number;
  /** Median of |actual − predicted| / actual over the last 200 of them. */
  readonly stepErrorRatio: number;
}

/** All sequences are there at the start; ends with the last one. Runs twice and keeps the second: the first warms up. */
export async function measureBatch(bench: BenchModel, one: BatchCase): Promise<BatchResult> {
  await runBatch(bench, { ...one, sequences: Math.min(one.sequences, 2), outputTokens: 4 });
  return runBatch(bench, one);
}

/** As many at once as the load says; the next comes when one ends. */
export async function measureCost({ model, tokenizer }: BenchModel, load: MixedLoad): Promise<CostResult> {
  const rng = seededRng(3);
  const between = ([first, last]: readonly [number, number]): number => first + rng.below(last - first + 1);
  const text = textIds(tokenizer);
  const requests = Array.from({ length: load.requests }, (_, index) =>
    request(index, slice(text, rng.below(text.length), between(load.promptTokens)), between(load.outputTokens)),
  );
  const { load: atEnd, steps } = await runRequests(model, requests, load.atOnce, 'slo', () => {});
  return { subject: 'mixed load', steps: steps.length, stepErrorRatio: atEnd.stepErrorRatio };
}

async function runBatch({ model, tokenizer }: BenchModel, one: BatchCase): Promise<BatchResult> {
  const clock = systemClock();
  const lastTokenMs = new Map<string, number>();
  const ttfts: number[] = [];
  const gaps: number[] = [];
  const rng = seededRng(1);
  const text = one.choice === undefined ? undefined : textIds(tokenizer);
  const promptIds = (index: number): number[] => {
    if (text !== undefined) return slice(text, Math.floor((index * text.length) / one.sequences), one.promptTokens);
    return Array.from({ length: one.promptTokens }, () => rng.below(model.limits.vocabularyCount));
  };
  const requests = Array.from({ length: one.sequences }, (_, index) => ({
    ...request(index, promptIds(index), one.outputTokens),
    ...one.choice,
  }));
  const startMs = clock.nowMs();
  const { steps } = await runRequests(model, requests, requests.length, 'sarathi', (id) => {
    const nowMs = clock.nowMs();
    const last = lastTokenMs.get(id);
    if (last === undefined) ttfts.push(nowMs - startMs);
    else gaps.push(nowMs - last);
    lastTokenMs.set(id, nowMs);
  });
  const seconds = (clock.nowMs() - startMs) / 1000;
  const hostGaps = (prompts: boolean): number[] =>
    steps.flatMap((step) =>
      step.hostGapMs === undefined || (!prompts && step.prefillTokens > 0) ? [] : step.hostGapMs,
    );
  return {
    subject: one.subject,
    totalTokensPerSecond: (one.sequences * (one.promptTokens + one.outputTokens)) / seconds,
    outputTokensPerSecond: (one.sequences * one.outputTokens) / seconds,
    ttftMs: quantiles(ttfts),
    gapMs: quantiles(gaps),
    hostGapMs: quantiles(hostGaps(true)),
    decodeHostGapMs: quantiles(hostGaps(false)),
    residentMb: process.memoryUsage.rss() / 2 ** 20,
  };
}

function request(index: number, promptIds: readonly number[], tokensMax: number): SequenceRequest {
  return {
    id: `${index}`,
    promptIds,
    tokensMax,
    sampling: greedySampling,
    stopTokenIds: new Set(),
    logprobsTop: undefined,
  };
}

function textIds(tokenizer: BenchModel['tokenizer']): readonly number[] {
  return tokenizer.encode(shortQualityText, { special: false, begin: false });
}

/** Behind the text's end comes its beginning. */
function slice(text: readonly number[], from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => text[(from + index) % text.length]!);
}
