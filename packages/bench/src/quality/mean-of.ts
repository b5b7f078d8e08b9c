export interface Mean {
  readonly mean: number;
  /** Standard deviation over the root of how many there are; NaN for fewer than two. */
  readonly standardError: number;
}

/** Of values that say nothing about each other. */
export function meanOf(values: readonly number[]): Mean {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: count < 2 ? Number.NaN : Math.sqrt(squares / (count - 1) / count) };
}
