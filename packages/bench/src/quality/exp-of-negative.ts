const STEPS = 64;
const LEAST = -40;
/** e^(-index / STEPS) */
const table = Float64Array.from({ length: 1 - LEAST * STEPS }, (_, index) => Math.exp(-index / STEPS));

/**
 * e^x for an x of at most 0, to 12 digits; 0 below -40, which no sum over a vocabulary notices beside its likeliest token.
 * A third of the time of `Math.exp`: three passes over a vocabulary for each token of a text are felt.
 */
export function expOfNegative(x: number): number {
  if (x < LEAST) return 0;
  const index = (0.5 - x * STEPS) | 0;
  const rest = x + index / STEPS;
  return table[index]! * (1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest / 24))));
}
