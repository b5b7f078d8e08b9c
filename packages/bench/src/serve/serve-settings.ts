import os from 'node:os';
import { type BenchFlag, BenchUsageError, type BenchValues, wholeNumber } from '../benchmark.js';

export const subjectNames = ['sluice', 'llama-server', 'vllm'] as const;
export type SubjectName = (typeof subjectNames)[number];

/** What one run of `bench serve` measures. */
export interface ServeSettings {
  /** As `sluice up --model` takes it; undefined: the default model. */
  readonly model: string | undefined;
  /** Instead of starting ours: something that serves already. */
  readonly url: string | undefined;
  /** Requests out at a time, in this order. */
  readonly concurrencies: readonly number[];
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Requests a measurement; undefined: as {@link requestsFor} says. */
  readonly requests: number | undefined;
  readonly threads: number;
  readonly subjects: readonly SubjectName[];
  /** Tokens of a pass that llama-server is tried with. */
  readonly peerBatchTokens: readonly number[];
  /**
   * All servers run at once and are measured in turns, so often each; undefined: one runs at a time, started afresh for each
   * measurement.
   */
  readonly rounds: number | undefined;
  /** Without rounds: how often ours is measured at each concurrency: before and after the peers, or once. */
  readonly ownPasses: 1 | 2;
  readonly seed: number;
  /** Further flags of `sluice up`. */
  readonly upFlags: readonly string[];
  readonly quick: boolean;
}

export const serveFlags: Readonly<Record<string, BenchFlag>> = {
  model: {
    value: 'NAME',
    description: 'model: a GGUF file, org/repo[:file], or a short name (default: the default model)',
  },
  url: { value: 'URL', description: 'measure what serves there already, instead of starting sluice' },
  concurrency: { value: 'LIST', description: 'requests at a time, 1 to 1024 each (default 1,4,16,64; quick 1,16)' },
  'prompt-tokens': { value: 'N', description: 'random tokens in each prompt, 1 to 100000 (default 256)' },
  'output-tokens': { value: 'N', description: 'tokens to generate, end of text ignored, 1 to 100000 (default 64)' },
  requests: {
    value: 'N',
    description: 'requests a measurement, 1 to 100000 (default twice the concurrency, at least 8)',
  },
  rounds: {
    value: 'N',
    description: 'all servers at once, each measured so often, in turns, 1 to 100 (default: one server at a time)',
  },
  threads: { value: 'N', description: 'threads of every server, 1 to 1024 (default: the cores there are)' },
  subjects: {
    value: 'LIST',
    description:
      'any of sluice, llama-server (built at the first run), vllm (6 GB, installed at the first run); default all',
  },
  seed: { value: 'N', description: 'of the prompts, 0 to 4294967295 (default 1)' },
  up: { value: 'FLAGS', description: 'further flags for sluice up, blanks between them: --up="--weights q4"' },
};

/** @throws BenchUsageError that names flag, value and bound. */
export function readServeSettings(values: BenchValues, quick: boolean): ServeSettings {
  const text = (flag: string): string | undefined => (typeof values[flag] === 'string' ? values[flag] : undefined);
  const whole = (flag: string, otherwise: number, min: number, max: number): number =>
    wholeNumber(flag, text(flag) ?? `${otherwise}`, min, max);
  const concurrency = text('concurrency') ?? (quick ? '1,16' : '1,4,16,64');
  return {
    model: text('model'),
    url: readUrl(text('url')),
    concurrencies: concurrency.split(',').map((item) => wholeNumber('concurrency', item.trim(), 1, 1024)),
    promptTokens: whole('prompt-tokens', 256, 1, 100_000),
    outputTokens: whole('output-tokens', 64, 1, 100_000),
    requests: text('requests') === undefined ? undefined : whole('requests', 8, 1, 100_000),
    rounds: text('rounds') === undefined ? undefined : whole('rounds', 1, 1, 100),
    threads: whole('threads', os.availableParallelism(), 1, 1024),
    subjects: [...new Set((text('subjects') ?? subjectNames.join()).split(',').map(subjectName))],
    peerBatchTokens: quick ? [512] : [512, 128],
    ownPasses: quick ? 1 : 2,
    seed: whole('seed', 1, 0, 2 ** 32 - 1),
    upFlags: text('up')?.trim().split(/\s+/) ?? [],
    quick,
  };
}

function subjectName(given: string): SubjectName {
  const found = subjectNames.find((name) => name === given.trim());
  if (found === undefined) throw new BenchUsageError(`--subjects ${given} must be of ${subjectNames.join(', ')}`);
  return found;
}

export function requestsFor(settings: ServeSettings, concurrency: number): number {
  return settings.requests ?? (settings.quick ? Math.max(concurrency, 4) : Math.max(2 * concurrency, 8));
}

function readUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new BenchUsageError(`--url ${text} must be http://host:port`);
  return new URL(text).origin;
}
