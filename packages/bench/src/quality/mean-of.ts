export interface Mean {
  readonly mean: number;
  /** How far chance moves the mean, two times out of three; NaN for fewer than two values. */
  readonly standardError: number;
}

/** Fewer runs than this say too little of how much they differ. */
const RUNS_MIN = 10;

/**
 * The mean and its standard error.
 * @param runLength 1 where values say nothing of their neighbours. Else so many that stand together count as a single value
 * for the error, since what moves together is no better known for being many; fewer where there would not be ten such runs.
 */
export function meanOf(values: readonly number[], runLength = 1): Mean {
  const length = Math.max(1, Math.min(runLength, Math.floor(values.length / RUNS_MIN)));
  // What is left behind the last whole run tells of the mean alone.
  const runs = Array.from({ length: Math.floor(values.length / length) }, (_, index) =>
    average(values.slice(index * length, (index + 1) * length)),
  );
  return { mean: average(values), standardError: errorOf(runs) };
}

function errorOf(values: readonly number[]): number {
  const count = values.length;
  const mean = average(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return count < 2 ? Number.NaN : Math.sqrt(squares / (count - 1) / count);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
