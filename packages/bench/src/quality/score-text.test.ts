import type { ModelPort, StepPlan } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { CHUNK_TOKENS, scoreText, WINDOW_TOKENS } from './score-text.js';

const VOCABULARY = 4;

/** Finds token `id + 1` likelier than the others by `margin`, whatever stands before; keeps the lengths of its chunks. */
function model(margin: number, lengths: number[] = []): ModelPort {
  const forward = async ({ chunks }: StepPlan) => {
    lengths.push(chunks[0]!.tokenIds.length);
    const rows = Array.from(chunks[0]!.tokenIds, (id) => {
      const logits = new Float32Array(VOCABULARY);
      logits[(id + 1) % VOCABULARY] = margin;
      return { best: margin > 0 ? (id + 1) % VOCABULARY : 0, logits, candidates: undefined, logSumExps: [] };
    });
    return { rows };
  };
  return { limits: { vocabularyCount: VOCABULARY }, forward } as unknown as ModelPort;
}

const counting = (count: number) => Array.from({ length: count }, (_, index) => index % VOCABULARY);
/** What `model(margin)` has for the sum of its exponentials. */
const sumOf = (margin: number) => Math.exp(margin) + VOCABULARY - 1;

describe('scoreText', () => {
  it('gives the perplexity of a model that guesses evenly as the size of the vocabulary', async () => {
    const [score] = await scoreText([model(0)], counting(100), () => {});
    expect(score!.perplexity).toBeCloseTo(VOCABULARY, 5);
    expect(score!.tokens).toBe(99);
  });

  it('gives the divergence from the exact model', async () => {
    const [exact, even] = await scoreText([model(1), model(0)], counting(50), () => {});
    const sum = sumOf(1);
    const expected = (Math.E / sum) * Math.log((4 * Math.E) / sum) + (3 / sum) * Math.log(4 / sum);
    expect(exact).toMatchObject({ divergence: 0, divergenceStandardError: 0, sameBest: 1 });
    expect(even!.divergence).toBeCloseTo(expected, 5);
    expect(even!.sameBest).toBeLessThan(1);
  });

  it('gives the ratio of perplexities, without error where each token surprises more by the same', async () => {
    const [exact, even] = await scoreText([model(1), model(0)], counting(50), () => {});
    expect(exact).toMatchObject({ perplexityRatio: 1, perplexityRatioStandardError: 0 });
    expect(even!.perplexityRatio).toBeCloseTo((4 * Math.E) / sumOf(1), 5);
    expect(even!.perplexityRatio).toBeCloseTo(even!.perplexity / exact!.perplexity, 5);
    expect(even!.perplexityRatioStandardError).toBeLessThan(1e-6);
  });

  it('gives the standard error from the differences at each token', async () => {
    // One token in five does not come as the model with a margin expects.
    const ids = [0, 1, 2, 3, 0, 0, 1, 2, 3, 0, 0];
    const [, sure] = await scoreText([model(0), model(1)], ids, () => {});
    const hit = Math.log(sumOf(1)) - 1 - Math.log(4);
    const mean = hit + 0.2;
    const squares = 8 * (hit - mean) ** 2 + 2 * (hit + 1 - mean) ** 2;
    expect(sure!.perplexityRatio).toBeCloseTo(Math.exp(mean), 5);
    expect(sure!.perplexityRatioStandardError).toBeCloseTo(Math.exp(mean) * Math.sqrt(squares / 9 / 10), 5);
    // The divergence is the same at every place.
    expect(sure!.divergenceStandardError).toBeLessThan(1e-6);
  });

  it('leaves no chunk with a single token, and predicts nothing across windows', async () => {
    const lengths: number[] = [];
    const tokens = WINDOW_TOKENS + CHUNK_TOKENS + 1;
    const [score] = await scoreText([model(1, lengths)], counting(tokens), () => {});
    expect(Math.min(...lengths)).toBeGreaterThan(1);
    expect(lengths.reduce((a, b) => a + b)).toBe(tokens);
    expect(score!.tokens).toBe(tokens - 2);
  });
});
