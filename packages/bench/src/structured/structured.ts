import {
  createForcedIds,
  createGrammars,
  type Grammars,
  grammarVocabularyOf,
  greedySampling,
  parseConstraint,
  type SequenceRequest,
} from '@sluice/worker';
import type { BenchContext, Benchmark, BenchOutcome, BenchResult, BenchValues } from '../benchmark.js';
import { type BenchModel, openModel } from '../engine/measure.js';
import { modelFlags, modelOf, wishesOf } from '../engine/model-flags.js';
import { figure, renderTable } from '../report/table.js';
import { type SideBySide, SpeculatingEngine } from '../speculation/speculating-engine.js';
import { type StructuredLoad, structuredLoads } from './structured-loads.js';
import { type GuideTimes, timedGuide } from './timed-guide.js';

/** What it costs to hold texts to a form, and what text that has to come saves. */
export const structuredBenchmark: Benchmark = {
  summary: 'what a grammar costs a token, and what is saved where it leaves no choice',
  flags: {
    model: modelFlags.model,
    weights: modelFlags.weights,
    kernels: modelFlags.kernels,
    threads: modelFlags.threads,
  },
  run,
};

export interface StructuredResult extends BenchResult {
  readonly rows: number;
  /** From the request to a grammar that can be used, the first time. */
  readonly compileMs: number;
  /** Median step without a grammar, and of as many rows and tokens with one, every token sampled. */
  readonly freeStepMs: number;
  readonly heldStepMs: number;
  /** Guides for one token: beside the pass, and between two passes. */
  readonly maskUs: number;
  readonly betweenUs: number;
  /** What guides take between two passes, of the step: all that a step is longer for. */
  readonly overheadRatio: number;
  /** Tokens that were taken without sampling, and how much faster the same characters came for it. */
  readonly forcedRatio: number;
  readonly jumpForwardSpeedup: number;
}

const ROWS = 16;
const TOKENS_MAX = 256;
const ROUNDS = 5;
const QUICK_ROUNDS = 1;
const QUICK_TOKENS_MAX = 96;
const sizes = { slots: ROWS, contextTokens: 512, stepTokensMax: 256 };

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const wishes = wishesOf(values);
  const path = await modelOf(values, progress);
  progress.stage('loading the model');
  const bench = await openModel(path, wishes, sizes);
  const engine = new SpeculatingEngine(bench.model, 'off');
  const clock = { nowMs: () => performance.now() };
  const vocabulary = grammarVocabularyOf(bench.tokenizer, bench.model.limits.vocabularyCount);
  const sampled = createGrammars(vocabulary, clock);
  const jumping = createGrammars(vocabulary, clock, createForcedIds(bench.tokenizer));
  const rounds = quick ? QUICK_ROUNDS : ROUNDS;
  const tokensMax = quick ? QUICK_TOKENS_MAX : TOKENS_MAX;
  const results: StructuredResult[] = [];
  try {
    for (const load of quick ? structuredLoads.slice(0, 2) : structuredLoads) {
      progress.stage(load.subject);
      results.push(await measure(load, { bench, engine, sampled, jumping, rounds, tokensMax }));
    }
  } finally {
    await engine.close();
    await Promise.all([sampled.close(), jumping.close()]);
    bench.close();
  }
  const { weights, kernels } = bench;
  const settings = { model: path, weights, kernels, threads: wishes.threads, rows: ROWS, rounds, tokensMax };
  return { settings, results, table: table(results), valid: true };
}

interface Setting {
  readonly bench: BenchModel;
  readonly engine: SpeculatingEngine;
  readonly sampled: Grammars;
  readonly jumping: Grammars;
  readonly rounds: number;
  readonly tokensMax: number;
}

async function measure(load: StructuredLoad, setting: Setting): Promise<StructuredResult> {
  const { bench, engine, sampled, jumping, rounds } = setting;
  const startMs = performance.now();
  (await sampled.guideFor(parseConstraint(load.constraint))).dispose();
  const compileMs = performance.now() - startMs;
  const times: GuideTimes = { maskMs: 0, betweenMs: 0, tokens: 0, forcedTokens: 0 };
  const jumpTimes: GuideTimes = { maskMs: 0, betweenMs: 0, tokens: 0, forcedTokens: 0 };
  const freeSteps: number[] = [];
  const heldSteps: number[] = [];
  const speedups: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const held = await timed(engine, await heldRequests(load, setting, sampled, times, round));
    heldSteps.push(held.stepMs);
    const lengths = held.outcome.tokenIds.map(({ length }) => length);
    const free = await timed(engine, freeRequests(load, setting, lengths, round));
    freeSteps.push(free.stepMs);
    const jumped = await timed(engine, await heldRequests(load, setting, jumping, jumpTimes, round));
    speedups.push(charactersPerMs(jumped, bench) / charactersPerMs(held, bench));
  }
  const heldStepMs = median(heldSteps);
  const betweenMs = times.betweenMs / times.tokens;
  return {
    subject: load.subject,
    rows: ROWS,
    compileMs,
    freeStepMs: median(freeSteps),
    heldStepMs,
    maskUs: (1_000 * times.maskMs) / times.tokens,
    betweenUs: 1_000 * betweenMs,
    overheadRatio: (ROWS * betweenMs) / heldStepMs,
    forcedRatio: jumpTimes.forcedTokens / jumpTimes.tokens,
    jumpForwardSpeedup: median(speedups),
  };
}

interface Timed {
  readonly outcome: SideBySide;
  readonly durationMs: number;
  /** Of a stream, from token to token. */
  readonly stepMs: number;
}

async function timed(engine: SpeculatingEngine, requests: readonly SequenceRequest[]): Promise<Timed> {
  const startMs = performance.now();
  const outcome = await engine.run(requests);
  return { outcome, durationMs: performance.now() - startMs, stepMs: 1_000 / outcome.tokensPerSecond };
}

function charactersPerMs({ outcome, durationMs }: Timed, { tokenizer }: BenchModel): number {
  const characters = outcome.tokenIds.reduce((sum, ids) => sum + tokenizer.decode(ids).length, 0);
  return characters / durationMs;
}

function heldRequests(
  load: StructuredLoad,
  setting: Setting,
  grammars: Grammars,
  times: GuideTimes,
  round: number,
): Promise<SequenceRequest[]> {
  const source = parseConstraint(load.constraint);
  return Promise.all(
    Array.from({ length: ROWS }, async (_, row) => ({
      ...requestOf(load, setting, round, row),
      guide: timedGuide(await grammars.guideFor(source), times),
    })),
  );
}

function freeRequests(load: StructuredLoad, setting: Setting, lengths: readonly number[], round: number) {
  return lengths.map((tokensMax, row) => ({
    ...requestOf(load, setting, round, row),
    tokensMax,
    stopTokenIds: new Set<number>(),
  }));
}

function requestOf(
  load: StructuredLoad,
  { bench: { tokenizer }, tokensMax }: Setting,
  round: number,
  row: number,
): SequenceRequest {
  return {
    id: `${row}`,
    promptIds: tokenizer.encode(load.prompt, { special: true, begin: true }),
    tokensMax,
    sampling: { ...greedySampling, temperature: 0.8, seed: ROWS * round + row },
    stopTokenIds: new Set(tokenizer.endTokenIds),
    logprobsTop: undefined,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function table(results: readonly StructuredResult[]): string {
  const percent = (ratio: number): string => `${figure(100 * ratio)} %`;
  return renderTable(
    [
      { title: 'text', align: 'left', cell: ({ subject }) => subject },
      { title: 'compile ms', align: 'right', cell: ({ compileMs }) => figure(compileMs) },
      { title: 'step ms, free', align: 'right', cell: ({ freeStepMs }) => figure(freeStepMs) },
      { title: 'held', align: 'right', cell: ({ heldStepMs }) => figure(heldStepMs) },
      { title: 'mask µs', align: 'right', cell: ({ maskUs }) => figure(maskUs) },
      { title: 'between µs', align: 'right', cell: ({ betweenUs }) => figure(betweenUs) },
      { title: 'of the step', align: 'right', cell: ({ overheadRatio }) => percent(overheadRatio) },
      { title: 'forced', align: 'right', cell: ({ forcedRatio }) => percent(forcedRatio) },
      { title: 'jump-forward', align: 'right', cell: ({ jumpForwardSpeedup }) => figure(jumpForwardSpeedup) },
    ],
    results,
  );
}
