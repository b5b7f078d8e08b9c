import type { BenchContext, Benchmark, BenchOutcome, BenchValues } from '../benchmark.js';
import type { Progress } from '../io/progress.js';
import { figure, renderTable } from '../report/table.js';
import { type BatchResult, type CostResult, measureBatch, measureCost } from './batch.js';
import { batchRuns, CONTEXT_TOKENS, choiceRuns, mixedLoad, passes } from './engine-cases.js';
import { fillSlots } from './fill-slots.js';
import { type BenchModel, compileModel, type ModelWishes, measurePass, openModel, type PassResult } from './measure.js';
import { modelFlags, modelOf, wishesOf } from './model-flags.js';
import { type OperatorProfile, profilePass, profileTable } from './operator-profile.js';

/** The engine without wire and text: forward passes of given shapes, and whole batches through the batch loop. */
export const engineBenchmark: Benchmark = {
  summary: 'forward passes and the batch loop alone, beside the figures of the first sketch',
  flags: {
    model: modelFlags.model,
    weights: modelFlags.weights,
    kernels: modelFlags.kernels,
    kv: modelFlags.kv,
    executors: { value: 'KIND', description: 'who computes a pass: auto, wide or narrow (default auto)' },
    profile: { description: 'what each operator of a pass takes, by the profiler of the runtime, and nothing else' },
    threads: modelFlags.threads,
  },
  run,
};

type EngineResult = PassResult | BatchResult | CostResult;

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const wishes = wishesOf(values);
  const path = await modelOf(values, progress);
  if (values.profile === true) return profile(path, wishes, quick, progress);
  progress.stage('loading the model');
  const bench = await openModel(path, wishes);
  const repeats = quick ? 7 : 25;
  fillSlots(bench.model, CONTEXT_TOKENS);
  const passResults: PassResult[] = [];
  for (const one of passes) {
    progress.stage(`pass: ${one.subject}`);
    passResults.push(await measurePass(bench.model, one, repeats));
  }
  const batches: BatchResult[] = [];
  for (const one of [...batchRuns(quick), ...choiceRuns(quick)]) {
    progress.stage(`batch: ${one.subject}`);
    batches.push(await measureBatch(bench, one));
  }
  progress.stage('mixed load');
  const cost = await measureCost(bench, mixedLoad(quick));
  bench.close();
  const results: EngineResult[] = [...passResults, ...batches, cost];
  return {
    settings: { ...settingsOf(path, bench, wishes), repeats },
    results,
    table: [passTable(passResults), batchTable(batches), costLine(cost)].join('\n\n'),
    valid: true,
  };
}

/** The runtime's own account of passes, one session and one shape at a time. */
async function profile(path: string, wishes: ModelWishes, quick: boolean, progress: Progress): Promise<BenchOutcome> {
  const compiled = await compileModel(path, wishes);
  const repeats = quick ? 5 : 20;
  const results: OperatorProfile[] = [];
  for (const one of passes.filter(({ sampled }) => sampled !== true)) {
    progress.stage(`profile: ${one.subject}`);
    results.push(await profilePass(compiled, one, wishes.threads, repeats));
  }
  const settings = { ...settingsOf(path, compiled, wishes), repeats };
  return { settings, results, table: profileTable(results), valid: true };
}

function settingsOf(
  model: string,
  { weights, kernels, kv }: Pick<BenchModel, 'weights' | 'kernels' | 'kv'>,
  { threads }: ModelWishes,
) {
  return { model, weights, kernels, kv, threads };
}

function passTable(results: readonly PassResult[]): string {
  return renderTable(
    [
      { title: 'pass', align: 'left', cell: ({ subject }) => subject },
      { title: 'P50 ms', align: 'right', cell: ({ passMs }) => figure(passMs.p50) },
      { title: 'least ms', align: 'right', cell: ({ passMs }) => figure(passMs.min) },
      { title: 'tokens/s', align: 'right', cell: ({ totalTokensPerSecond }) => figure(totalTokensPerSecond) },
      { title: 'sketch ms', align: 'right', cell: ({ sketchMs }) => figure(sketchMs) },
      { title: 'of sketch', align: 'right', cell: ({ ratioToSketch }) => figure(ratioToSketch) },
    ],
    results,
  );
}

function batchTable(results: readonly BatchResult[]): string {
  return renderTable(
    [
      { title: 'batch loop', align: 'left', cell: ({ subject }) => subject },
      { title: 'total tok/s', align: 'right', cell: ({ totalTokensPerSecond }) => figure(totalTokensPerSecond) },
      { title: 'output tok/s', align: 'right', cell: ({ outputTokensPerSecond }) => figure(outputTokensPerSecond) },
      { title: 'TTFT P50 ms', align: 'right', cell: ({ ttftMs }) => figure(ttftMs.p50) },
      { title: 'gap P99 ms', align: 'right', cell: ({ gapMs }) => figure(gapMs.p99) },
      { title: 'host gap P50 ms', align: 'right', cell: ({ hostGapMs }) => figure(hostGapMs.p50) },
      { title: 'host gap P99 ms', align: 'right', cell: ({ hostGapMs }) => figure(hostGapMs.p99) },
      {
        title: 'without prompts P50',
        align: 'right',
        cell: ({ decodeHostGapMs }) => figure(decodeHostGapMs.p50),
      },
      { title: 'resident MB', align: 'right', cell: ({ residentMb }) => figure(residentMb) },
    ],
    results,
  );
}

function costLine({ steps, stepErrorRatio }: CostResult): string {
  const last = Math.min(steps, 200);
  return `cost model: off by ${(100 * stepErrorRatio).toFixed(1)} % (median of the last ${last} of ${steps} steps of a mixed load)`;
}
