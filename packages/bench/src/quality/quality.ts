import { readFileSync } from 'node:fs';
import { cacheFolder } from '@sluice/shared';
import {
  createTokenizer,
  kernelWishes,
  kvWishes,
  LaneModel,
  openCompiled,
  openGguf,
  readGgufTokenizer,
  type WeightMode,
  weightModes,
} from '@sluice/worker';
import {
  type BenchContext,
  type Benchmark,
  type BenchOutcome,
  type BenchResult,
  BenchUsageError,
  type BenchValues,
} from '../benchmark.js';
import { type FormWishes, formFor } from '../engine/measure.js';
import { modelFlags, modelOf, threadsOf } from '../engine/model-flags.js';
import type { Progress } from '../io/progress.js';
import { renderTable } from '../report/table.js';
import { qualityText, shortQualityText } from './quality-text.js';
import { CHUNK_TOKENS, scoreText, type TextScore, WINDOW_TOKENS } from './score-text.js';

/** What each way to keep weights, and keys and values, loses against 32-bit floats. */
export const qualityBenchmark: Benchmark = {
  summary: 'perplexity of each weight mode on a text, and its divergence from 32-bit floats',
  flags: {
    model: modelFlags.model,
    weights: { value: 'KINDS', description: 'commas between them (default q8,w8a8,q4)' },
    kernels: {
      value: 'KINDS',
      description: 'for each of --weights: auto, own, runtime, commas between (default auto)',
    },
    kv: { value: 'KINDS', description: 'for each of --weights: auto, f32, f16, q8, commas between (default auto)' },
    text: {
      value: 'FILE',
      description: 'text to read instead of those that are built in (with --quick its first 2,048 tokens)',
    },
    threads: modelFlags.threads,
  },
  run,
};

type QualityResult = BenchResult & TextScore & { readonly kernels: string };

interface Kind extends FormWishes {
  readonly weights: WeightMode;
}

const EXACT: Kind = { weights: 'f32', kernels: 'runtime', kv: 'f32' };
/** Of a file, with --quick: about as many as the short text that is built in has. */
const QUICK_TOKENS = 2048;
/** The graph with one prefill lane is the only one that runs. */
const CHUNK_COUNTS = [1];

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const threads = threadsOf(values);
  const kinds = kindsOf(
    String(values.weights ?? 'q8,w8a8,q4'),
    String(values.kernels ?? 'auto'),
    String(values.kv ?? 'auto'),
  );
  const text = typeof values.text === 'string' ? readText(values.text) : quick ? shortQualityText : qualityText;
  const path = await modelOf(values, progress);
  const file = await openGguf(path);
  const models: LaneModel[] = [];
  const kernelsUsed: string[] = [];
  try {
    const all = createTokenizer(readGgufTokenizer(file.metadata)).encode(text, { special: false, begin: true });
    const ids = quick ? all.slice(0, QUICK_TOKENS) : all;
    if (ids.length < 2) throw new BenchUsageError(`--text must have at least 2 tokens, not ${ids.length}`);
    for (const kind of kinds) {
      progress.stage(`loading ${nameOf(kind)}`);
      const options = { chunkCounts: CHUNK_COUNTS, cacheFolder: cacheFolder() };
      const { kernels, library, weights, kv } = await formFor(file, kind, threads);
      const compiled = await openCompiled(file, { ...options, threads, weights, kernels, kv });
      const sizes = { slots: 1, contextTokens: WINDOW_TOKENS, stepTokensMax: CHUNK_TOKENS, threads };
      models.push(new LaneModel(compiled, { ...sizes, ...library }));
      kernelsUsed.push(kernels);
    }
    const scores = await scoreText(models, ids, readingProgress(ids.length, progress));
    const results = scores.map((score, index) => ({
      subject: nameOf(kinds[index]!),
      kernels: kernelsUsed[index]!,
      ...score,
    }));
    const settings = { model: path, text: values.text ?? 'built in', tokens: ids.length, threads };
    return { settings, results, table: table(results), valid: true };
  } finally {
    for (const model of models) model.close();
    await file.close();
  }
}

/** A stage for each tenth of the text: where there is no terminal, stages are all that is seen. */
function readingProgress(tokens: number, progress: Progress): (fraction: number) => void {
  const stage = (tenths: number): void => {
    progress.stage(`reading ${tokens.toLocaleString('en-US')} tokens: ${10 * tenths} %`);
  };
  let shown = 0;
  stage(shown);
  return (fraction) => {
    const tenths = Math.floor(10 * fraction);
    if (tenths > shown) stage(tenths);
    shown = tenths;
  };
}

/** The exact one first. */
function kindsOf(weights: string, kernels: string, kv: string): Kind[] {
  const kernelsWanted = named('--kernels', kernels, kernelWishes);
  const kvWanted = named('--kv', kv, kvWishes);
  const kinds = named('--weights', weights, weightModes).flatMap((mode) =>
    kernelsWanted.flatMap((wish) => kvWanted.map((kv) => ({ weights: mode, kernels: wish, kv }))),
  );
  const isExact = ({ weights, kernels, kv }: Kind): boolean => weights === 'f32' && kernels !== 'own' && kv === 'f32';
  return [EXACT, ...kinds.filter((kind) => !isExact(kind))];
}

/** Those of the known ones that are in the list, in the order that is usual for them. */
function named<T extends string>(flag: string, list: string, known: readonly T[]): T[] {
  const wanted = list.split(',');
  const unknown = wanted.find((one) => !known.some((mode) => mode === one));
  if (unknown === undefined) return known.filter((mode) => wanted.includes(mode));
  throw new BenchUsageError(`${flag} ${unknown} must be ${known.join(', ')}`);
}

function nameOf(kind: Kind): string {
  const { weights, kernels, kv } = kind;
  if (kind === EXACT) return weights;
  return [weights, ...(kernels === 'auto' ? [] : [kernels]), ...(kv === 'auto' ? [] : [`kv ${kv}`])].join(', ');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BenchUsageError(`--text ${path} cannot be read: ${(cause as Error).message}`);
  }
}

function table(results: readonly QualityResult[]): string {
  return renderTable(
    [
      { title: 'weights', align: 'left', cell: ({ subject }) => subject },
      { title: 'kernels', align: 'left', cell: ({ kernels }) => kernels },
      { title: 'perplexity', align: 'right', cell: ({ perplexity }) => perplexity.toFixed(3) },
      {
        title: 'over f32',
        align: 'right',
        cell: (result) => withError(result.perplexityRatio - 1, result.perplexityRatioStandardError, percent),
      },
      {
        title: 'KL mean',
        align: 'right',
        cell: (result) => withError(result.divergence, result.divergenceStandardError, (nats) => nats.toFixed(5)),
      },
      { title: 'KL P99', align: 'right', cell: ({ divergenceP99 }) => divergenceP99.toFixed(4) },
      { title: 'same best token', align: 'right', cell: ({ sameBest }) => percent(sameBest) },
      { title: 'tokens', align: 'right', cell: ({ tokens }) => tokens.toLocaleString('en-US') },
    ],
    results,
  );
}

/** `0.51 % ± 0.08 %`: one standard error; none for the exact one, which is compared with itself. */
function withError(value: number, standardError: number, format: (value: number) => string): string {
  return standardError > 0 ? `${format(value)} ± ${format(standardError)}` : format(value);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
