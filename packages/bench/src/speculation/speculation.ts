import { greedySampling, type SamplingParams, type SequenceRequest, type Tokenizer } from '@sluice/worker';
import type { BenchContext, Benchmark, BenchOutcome, BenchResult, BenchValues } from '../benchmark.js';
import { openModel } from '../engine/measure.js';
import { modelFlags, modelOf, wishesOf } from '../engine/model-flags.js';
import { figure, renderTable } from '../report/table.js';
import { SpeculatingEngine } from './speculating-engine.js';
import { chat, editing, extraction, type Task } from './speculation-texts.js';

/** How much faster answers come with tokens that are guessed, and that they are the same. */
export const speculationBenchmark: Benchmark = {
  summary: 'decode speed with guessed tokens over that without, on texts that repeat themselves and on others',
  flags: modelFlags,
  run,
};

export interface SpeculationResult extends BenchResult {
  readonly concurrency: number;
  /** Tokens per second of one stream, the median of the rounds. */
  readonly withTokensPerSecond: number;
  readonly withoutTokensPerSecond: number;
  /** With over without in the same round, the median of the rounds. */
  readonly ratio: number;
  /** Guessed tokens for each token of the answers, and the share of guesses that were right. */
  readonly draftedRatio: number;
  readonly acceptedRatio: number;
  /** Whether every answer had the same tokens with and without. */
  readonly same: boolean;
}

interface Load {
  readonly subject: string;
  readonly tasks: readonly Task[];
  readonly concurrency: number;
  readonly temperature: number;
}

const WIDE = 16;
const loads: readonly Load[] = [
  { subject: 'extraction', tasks: extraction, concurrency: 1, temperature: 0 },
  { subject: 'code editing', tasks: editing, concurrency: 1, temperature: 0 },
  { subject: 'chat', tasks: chat, concurrency: 1, temperature: 0 },
  { subject: 'chat, temperature 0.8', tasks: chat, concurrency: 1, temperature: 0.8 },
  { subject: 'extraction', tasks: extraction, concurrency: WIDE, temperature: 0 },
  { subject: 'chat', tasks: chat, concurrency: WIDE, temperature: 0 },
];

const sizes = { slots: WIDE, contextTokens: 1024, stepTokensMax: 256 };
const ROUNDS = 7;
const QUICK_ROUNDS = 3;
/** Of each answer, with --quick. */
const QUICK_TOKENS = 64;

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const wishes = wishesOf(values);
  const path = await modelOf(values, progress);
  progress.stage('loading the model');
  const bench = await openModel(path, wishes, sizes);
  const engines = {
    with: new SpeculatingEngine(bench.model, 'ngram'),
    without: new SpeculatingEngine(bench.model, 'off'),
  };
  const rounds = quick ? QUICK_ROUNDS : ROUNDS;
  const results: SpeculationResult[] = [];
  try {
    for (const load of loads) {
      progress.stage(`${load.subject}, ${load.concurrency} at once`);
      const batches = batchesOf(load, bench.tokenizer, quick ? QUICK_TOKENS : Number.POSITIVE_INFINITY);
      results.push(await measure(load, engines, batches, rounds));
    }
  } finally {
    for (const engine of Object.values(engines)) await engine.close();
    bench.close();
  }
  return {
    settings: {
      model: path,
      weights: bench.weights,
      kernels: bench.kernels,
      kv: bench.kv,
      threads: wishes.threads,
      rounds,
    },
    results,
    table: table(results),
    valid: results.every(({ same }) => same),
  };
}

/** Round after round, each batch with and without by turns, so that what else the machine does falls on both. */
async function measure(
  { subject, concurrency }: Load,
  engines: { readonly with: SpeculatingEngine; readonly without: SpeculatingEngine },
  batches: readonly (readonly SequenceRequest[])[],
  rounds: number,
): Promise<SpeculationResult> {
  const speeds = { with: [] as number[], without: [] as number[], ratio: [] as number[] };
  let [drafted, accepted, tokens] = [0, 0, 0];
  let same = true;
  for (let round = -1; round < rounds; round++) {
    // Each batch counts alike: the mean of what a token takes.
    let [withMs, withoutMs] = [0, 0];
    for (const batch of batches) {
      const isWithFirst = round % 2 === 0;
      const first = isWithFirst ? await engines.with.run(batch) : undefined;
      const without = await engines.without.run(batch);
      const guessed = first ?? (await engines.with.run(batch));
      same &&= JSON.stringify(guessed.tokenIds) === JSON.stringify(without.tokenIds);
      withMs += 1000 / guessed.tokensPerSecond / batches.length;
      withoutMs += 1000 / without.tokensPerSecond / batches.length;
      drafted += guessed.tokensDrafted;
      accepted += guessed.tokensAccepted;
      tokens += guessed.tokenIds.reduce((sum, { length }) => sum + length, 0);
    }
    // The first warms up.
    if (round < 0) continue;
    speeds.with.push(1000 / withMs);
    speeds.without.push(1000 / withoutMs);
    speeds.ratio.push(withoutMs / withMs);
  }
  return {
    subject,
    concurrency,
    withTokensPerSecond: median(speeds.with),
    withoutTokensPerSecond: median(speeds.without),
    ratio: median(speeds.ratio),
    draftedRatio: drafted / tokens,
    acceptedRatio: drafted === 0 ? 0 : accepted / drafted,
    same,
  };
}

/** One request after the other, or as many at once as there are to be, each task as often as the others. */
function batchesOf(load: Load, tokenizer: Tokenizer, tokensMax: number): readonly (readonly SequenceRequest[])[] {
  const request = (task: Task, index: number): SequenceRequest => ({
    id: `${index}`,
    promptIds: tokenizer.encode(task.prompt, { special: false, begin: true }),
    tokensMax: Math.min(task.outputTokens, tokensMax),
    sampling: samplingOf(load.temperature, index),
    stopTokenIds: new Set(),
    logprobsTop: undefined,
  });
  if (load.concurrency === 1) return load.tasks.map((task, index) => [request(task, index)]);
  const tasks = Array.from({ length: load.concurrency }, (_, index) => load.tasks[index % load.tasks.length]!);
  return [tasks.map(request)];
}

function samplingOf(temperature: number, seed: number): SamplingParams {
  return { ...greedySampling, temperature, seed };
}

function table(results: readonly SpeculationResult[]): string {
  return renderTable(
    [
      { title: 'text', align: 'left', cell: ({ subject }) => subject },
      { title: 'at once', align: 'right', cell: ({ concurrency }) => String(concurrency) },
      { title: 'tok/s with', align: 'right', cell: ({ withTokensPerSecond }) => figure(withTokensPerSecond) },
      { title: 'without', align: 'right', cell: ({ withoutTokensPerSecond }) => figure(withoutTokensPerSecond) },
      { title: 'ratio', align: 'right', cell: ({ ratio }) => figure(ratio) },
      { title: 'guesses a token', align: 'right', cell: ({ draftedRatio }) => figure(draftedRatio) },
      { title: 'right', align: 'right', cell: ({ acceptedRatio }) => figure(acceptedRatio) },
      { title: 'same tokens', align: 'left', cell: ({ same }) => (same ? 'yes' : 'NO') },
    ],
    results,
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
