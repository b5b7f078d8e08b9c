import type { ModelPort, StepPlan } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { scoreText, WINDOW_TOKENS } from './score-text.js';

const VOCABULARY = 4;

/** Finds token `id + 1` likelier than the others by `margin`, whatever stands before; keeps the lengths of its chunks. */
function model(margin: number, lengths: number[] = []): ModelPort {
  const forward = async ({ chunks }: StepPlan) => {
    lengths.push(chunks[0]!.tokenIds.length);
    const rows = Array.from(chunks[0]!.tokenIds, (id) => {
      const logits = new Float32Array(VOCABULARY);
      logits[(id + 1) % VOCABULARY] = margin;
      const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
      return { best: margin > 0 ? (id + 1) % VOCABULARY : 0, logits, candidates: undefined, logSumExps: [sum] };
    });
    return { rows };
  };
  return { forward } as unknown as ModelPort;
}

const counting = (count: number) => Array.from({ length: count }, (_, index) => index % VOCABULARY);

describe('scoreText', () => {
  it('gives the perplexity of a model that guesses evenly as the size of the vocabulary', async () => {
    const [score] = await scoreText([model(0)], counting(100), () => {});
    expect(score!.perplexity).toBeCloseTo(VOCABULARY, 5);
    expect(score!.tokens).toBe(99);
  });

  it('gives the divergence from the exact model', async () => {
    const [exact, even] = await scoreText([model(1), model(0)], counting(50), () => {});
    const sum = Math.E + 3;
    const expected = (Math.E / sum) * Math.log((4 * Math.E) / sum) + (3 / sum) * Math.log(4 / sum);
    expect(exact).toMatchObject({ divergence: 0, sameBest: 1 });
    expect(even!.divergence).toBeCloseTo(expected, 5);
    expect(even!.sameBest).toBeLessThan(1);
  });

  it('leaves no chunk with a single token, and predicts nothing across windows', async () => {
    const lengths: number[] = [];
    const [score] = await scoreText([model(1, lengths)], counting(WINDOW_TOKENS + 65), () => {});
    expect(Math.min(...lengths)).toBeGreaterThan(1);
    expect(lengths.reduce((a, b) => a + b)).toBe(WINDOW_TOKENS + 65);
    expect(score!.tokens).toBe(WINDOW_TOKENS + 65 - 2);
  });
});
