import type { Progress } from './io/progress.js';

/** A flag of a benchmark, beyond those that all have (`--quick`, `--json`, `--help`). */
export interface BenchFlag {
  /** What stands for the value in the help (`N`, `FILE`); a flag without it is a switch. */
  readonly value?: string;
  /** One line; says unit, range and default. */
  readonly description: string;
}

export type BenchValues = Readonly<Record<string, string | boolean | undefined>>;

export interface BenchContext {
  /** Fewer points and repeats: minutes become a minute, and figures are rougher. */
  readonly quick: boolean;
  readonly progress: Progress;
}

/** One measured thing; the other fields are the benchmark's own, documented in the README. */
export interface BenchResult {
  readonly subject: string;
}

export interface BenchOutcome {
  /** What was asked for, so that somebody else can ask the same. */
  readonly settings: object;
  readonly results: readonly BenchResult[];
  /** What a person reads; goes to standard output as it is. */
  readonly table: string;
  /** False when what is ours failed in a way that makes its figures worthless; the process then ends with 1. */
  readonly valid: boolean;
}

export interface Benchmark {
  /** One line for the list of benchmarks. */
  readonly summary: string;
  readonly flags: Readonly<Record<string, BenchFlag>>;
  /**
   * @throws BenchUsageError for a flag's value that cannot be, before anything is started.
   * @throws Error with one clear message when it cannot be run at all.
   */
  run(values: BenchValues, context: BenchContext): Promise<BenchOutcome>;
}

/** A wrong command line: one line that names flag, value and bound. */
export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
}

/** @throws BenchUsageError unless the flag is a whole number from `min` to `max`. */
export function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new BenchUsageError(`--${flag} ${text} must be a whole number from ${min} to ${max}`);
}
