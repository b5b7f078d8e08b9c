/** What a cost model has learnt, for the one of the next start to begin with. */
export interface RememberedCost {
  /** Milliseconds that each feature of a step takes, in the order of `featuresOf`; none below 0. */
  readonly coefficients: readonly number[];
  /** How sharply the error of late rose to both sides of each: a step counts (feature / its milliseconds)², less when older. */
  readonly certainties: readonly number[];
  /** Usual size of |ln(actual / predicted)|. */
  readonly spread: { readonly chunks: number; readonly decodes: number };
  /** As `StepCost.marginRatio`. */
  readonly marginRatio: number;
}

/** Of passes on all executors, and of those beside others. */
export interface RememberedCosts {
  readonly whole: RememberedCost;
  /** By the number of executors that a pass has. */
  readonly apart: readonly { readonly executors: number; readonly cost: RememberedCost }[];
}

/** Features of a step. */
export const COST_FEATURES = 7;

/** Far beyond what is ever learnt, and far from where numbers are lost. */
const COEFFICIENT_MAX = 1e6;
const CERTAINTY_MAX = 1e12;
const RATIO_MAX = 10;

/** Numbers of executors that are read back. */
const APART_MAX = 1_024;

/** Whether a file holds such a thing, as {@link isRememberedCost}. */
export function areRememberedCosts(value: unknown): value is RememberedCosts {
  if (typeof value !== 'object' || value === null) return false;
  const { whole, apart }: Partial<Record<keyof RememberedCosts, unknown>> = value;
  return isRememberedCost(whole) && Array.isArray(apart) && apart.length <= APART_MAX && apart.every(isApart);
}

function isApart(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { executors, cost }: { executors?: unknown; cost?: unknown } = value;
  return Number.isInteger(executors) && Number(executors) >= 1 && isRememberedCost(cost);
}

/** Whether a file holds such a thing, whoever wrote it. What is not true in it costs time until it is learnt anew. */
export function isRememberedCost(value: unknown): value is RememberedCost {
  if (typeof value !== 'object' || value === null) return false;
  const { coefficients, certainties, spread, marginRatio }: Partial<Record<keyof RememberedCost, unknown>> = value;
  if (typeof spread !== 'object' || spread === null) return false;
  const { chunks, decodes }: Partial<Record<keyof RememberedCost['spread'], unknown>> = spread;
  return (
    areFeatures(coefficients, COEFFICIENT_MAX) &&
    areFeatures(certainties, CERTAINTY_MAX) &&
    isNumber(chunks, RATIO_MAX) &&
    isNumber(decodes, RATIO_MAX) &&
    isNumber(marginRatio, RATIO_MAX)
  );
}

function areFeatures(value: unknown, max: number): boolean {
  return Array.isArray(value) && value.length === COST_FEATURES && value.every((one) => isNumber(one, max));
}

/** JSON has no number that is none, but one that is too large for a float is infinite. */
function isNumber(value: unknown, max: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= max;
}
