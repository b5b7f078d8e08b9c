import type { LogitsRow } from '@sluice/worker';
import { expOfNegative } from './exp-of-negative.js';

/** A row of logits and its likeliest token. */
export type BestRow = Pick<LogitsRow, 'logits' | 'best'>;

/** What a model predicts for one place. */
export interface Prediction {
  /** Minus the logarithm of the probability of the token that came, in nats. */
  readonly surprise: number;
  /** Kullback-Leibler divergence from the reference's prediction, in nats. */
  readonly divergence: number;
}

/**
 * What an exact model predicts for one place, kept as exponentials, so that each other model's row takes a single pass over
 * the vocabulary. All sums are in 64 bits.
 */
export class ReferenceRow {
  /** [vocabulary]: e^(logit - the best one) */
  readonly #weights: Float64Array;
  #weightSum = 0;
  /** Mean of the logits under the reference's own probabilities. */
  #meanLogit = 0;
  #logSumExp = 0;

  constructor(vocabularyCount: number) {
    this.#weights = new Float64Array(vocabularyCount);
  }

  /** Takes the place of the row before; how it predicts `next` itself. */
  read({ logits, best }: BestRow, next: number): Prediction {
    const weights = this.#weights;
    const bestLogit = logits[best]!;
    let sum = 0;
    let weighted = 0;
    for (let id = 0; id < weights.length; id++) {
      const logit = logits[id]!;
      const weight = expOfNegative(logit - bestLogit);
      weights[id] = weight;
      sum += weight;
      weighted += weight * logit;
    }
    this.#weightSum = sum;
    this.#meanLogit = weighted / sum;
    this.#logSumExp = bestLogit + Math.log(sum);
    return { surprise: this.#logSumExp - logits[next]!, divergence: 0 };
  }

  /** How another model's row predicts `next`, and how far it is from the row that was read last. */
  compare({ logits, best }: BestRow, next: number): Prediction {
    const weights = this.#weights;
    const bestLogit = logits[best]!;
    let sum = 0;
    let weighted = 0;
    for (let id = 0; id < weights.length; id++) {
      const logit = logits[id]!;
      sum += expOfNegative(logit - bestLogit);
      weighted += weights[id]! * logit;
    }
    const logSumExp = bestLogit + Math.log(sum);
    // Sum of p × (log p - log q), where log p is the reference's logit less its log-sum-exp, and so is log q.
    const divergence = this.#meanLogit - weighted / this.#weightSum + logSumExp - this.#logSumExp;
    return { surprise: logSumExp - logits[next]!, divergence: Math.max(0, divergence) };
  }
}
