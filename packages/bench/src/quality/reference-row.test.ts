import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { type BestRow, ReferenceRow } from './reference-row.js';

const VOCABULARY = 50;

/** Logits from -15 to 25, as models have them. */
function randomRow(seed: number): BestRow {
  const rng = seededRng(seed);
  const logits = Float32Array.from({ length: VOCABULARY }, () => rng.next() * 40 - 15);
  return { logits, best: logits.indexOf(Math.max(...logits)) };
}

/** The other row, each logit moved by up to `most`. */
function movedRow({ logits }: BestRow, most: number): BestRow {
  const rng = seededRng(99);
  const moved = logits.map((logit) => logit + most * (2 * rng.next() - 1));
  return { logits: moved, best: moved.indexOf(Math.max(...moved)) };
}

function probabilities({ logits }: BestRow): number[] {
  const exponentials = Array.from(logits, (logit) => Math.exp(logit));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((exponential) => exponential / sum);
}

/** By the definition, from normalized probabilities. */
function directDivergence(exact: BestRow, other: BestRow): number {
  const q = probabilities(other);
  return probabilities(exact).reduce((sum, p, id) => sum + p * Math.log(p / q[id]!), 0);
}

describe('ReferenceRow', () => {
  it.each([0.001, 0.1, 3])('finds the divergence of rows up to %s nats away', (most) => {
    const reference = new ReferenceRow(VOCABULARY);
    for (let seed = 1; seed <= 20; seed++) {
      const exact = randomRow(seed);
      const other = movedRow(exact, most);
      reference.read(exact, 0);
      const expected = directDivergence(exact, other);
      expect(expected).toBeGreaterThan(0);
      expect(Math.abs(reference.compare(other, 0).divergence - expected)).toBeLessThan(1e-11);
    }
  });

  it('finds how surprising each token is, in both rows', () => {
    const reference = new ReferenceRow(VOCABULARY);
    const exact = randomRow(1);
    const other = randomRow(2);
    for (let next = 0; next < VOCABULARY; next++) {
      const own = reference.read(exact, next);
      expect(own.surprise).toBeCloseTo(-Math.log(probabilities(exact)[next]!), 9);
      expect(own.divergence).toBe(0);
      expect(reference.compare(other, next).surprise).toBeCloseTo(-Math.log(probabilities(other)[next]!), 9);
    }
  });

  it('says nothing of a row that is no number', () => {
    const reference = new ReferenceRow(VOCABULARY);
    reference.read(randomRow(1), 0);
    const broken = { logits: new Float32Array(VOCABULARY).fill(Number.NaN), best: 0 };
    expect(reference.compare(broken, 0)).toEqual({ surprise: Number.NaN, divergence: Number.NaN });
  });
});
