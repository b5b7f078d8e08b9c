/**
 * Weighted least squares as normal equations, `left` [features, features] · coefficients = `right` [features], in which
 * what was added counts the less the longer ago it was. They begin with a prior, so that first observations which cannot
 * tell two features apart make neither of them nothing; it is forgotten like an observation.
 */
export class NormalEquations {
  readonly #left: Float64Array;
  readonly #right: Float64Array;
  readonly #forgetting: number;

  /**
   * @param prior the coefficients before anything was observed, none 0.
   * @param priorWeight what each of them counts for beside an observation whose error is relative, which counts 1.
   * @param forgetting by which each observation multiplies the weight of all before it, at most 1.
   */
  constructor(prior: readonly number[], priorWeight: number, forgetting: number) {
    this.#left = new Float64Array(prior.length ** 2);
    this.#right = new Float64Array(prior.length);
    this.#forgetting = forgetting;
    for (const [i, coefficient] of prior.entries()) {
      this.#left[i * prior.length + i] = priorWeight / coefficient ** 2;
      this.#right[i] = priorWeight / coefficient;
    }
  }

  /**
   * Forgets everything for other priors.
   * @param curvatures how sure each of the coefficients is, as {@link curvature}.
   */
  begin(coefficients: readonly number[], curvatures: readonly number[]): void {
    this.#left.fill(0);
    for (const [i, curvature] of curvatures.entries()) {
      this.#left[i * curvatures.length + i] = curvature;
      this.#right[i] = curvature * coefficients[i]!;
    }
  }

  add(features: Float64Array, target: number, weight: number): void {
    const count = this.#right.length;
    for (let i = 0; i < count; i++) {
      this.#right[i] = this.#right[i]! * this.#forgetting + weight * features[i]! * target;
      for (let j = 0; j < count; j++) {
        const at = i * count + j;
        this.#left[at] = this.#left[at]! * this.#forgetting + weight * features[i]! * features[j]!;
      }
    }
  }

  /** How sharply the error rises to both sides of a coefficient's best value: what was observed says so much about it. */
  curvature(i: number): number {
    return this.#left[i * this.#right.length + i]!;
  }

  /** How steeply the error falls where a coefficient grows; over {@link curvature}, how far it is from its best value. */
  slope(i: number, coefficients: Float64Array): number {
    let slope = this.#right[i]!;
    for (let j = 0; j < coefficients.length; j++) slope -= this.#left[i * coefficients.length + j]! * coefficients[j]!;
    return slope;
  }
}
