import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { sharedServer } from '../e2e/shared-server.js';

/** golden/loglikelihood.json; make-loglikelihood.py says how it was made. */
interface Golden {
  readonly items: readonly { readonly context: string; readonly choices: readonly Choice[] }[];
}

interface Choice {
  /** Of context and continuation. */
  readonly ids: readonly number[];
  readonly contextTokens: number;
  /** Of the continuation. */
  readonly logprob: number;
  /** Whether each of its tokens is the likeliest at its place. */
  readonly isGreedy: boolean;
}

type Score = Pick<Choice, 'logprob' | 'isGreedy'>;

const golden: Golden = JSON.parse(readFileSync(new URL('../golden/loglikelihood.json', import.meta.url), 'utf8'));
/** Prompts of one request, as many as lm-evaluation-harness may send. */
const BATCH = 40;
/** What two 32-bit implementations may differ by, over a few tokens. */
const TOLERANCE = 0.01;

// Seconds where nothing else runs.
vi.setConfig({ testTimeout: 400_000 });

const server = sharedServer(['--weights', 'f32', '--kv', 'f32'], 400_000);

describe('choices scored by echo and logprobs, as lm-evaluation-harness asks', () => {
  it('rank in all 100 items as they do in transformers', async () => {
    const choices = golden.items.flatMap((item) => item.choices);
    const scores: Score[] = [];
    for (let from = 0; from < choices.length; from += BATCH) {
      scores.push(...(await score(choices.slice(from, from + BATCH))));
    }
    expect(golden.items).toHaveLength(100);
    for (const [index, choice] of choices.entries()) {
      expect(Math.abs(scores[index]!.logprob - choice.logprob)).toBeLessThan(TOLERANCE);
      expect(scores[index]!.isGreedy).toBe(choice.isGreedy);
    }
    for (const [index, item] of golden.items.entries()) {
      const own = scores.slice(index * 4, index * 4 + 4);
      expect([item.context, ranking(own, item.choices)]).toEqual([item.context, ranking(item.choices, item.choices)]);
    }
  });
});

/** `local-completions` of lm-evaluation-harness: one token more than is scored, and the prompt's tokens with their scores. */
async function score(choices: readonly Choice[]): Promise<readonly Score[]> {
  const prompt = choices.map(({ ids }) => [...ids]);
  const wanted = { temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };
  const reply = await server.client.completions.create({ model: server.model, prompt, ...wanted });
  return reply.choices.map(({ logprobs }, index) => {
    const { contextTokens } = choices[index]!;
    const of = <T>(list: readonly T[] | undefined): readonly T[] => list?.slice(contextTokens, -1) ?? [];
    const tokens = of(logprobs?.tokens);
    const tops = of(logprobs?.top_logprobs);
    const likeliest = (top: Record<string, number>) =>
      Object.entries(top).reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
    return {
      logprob: of(logprobs?.token_logprobs).reduce((sum, each) => sum + each, 0),
      isGreedy: tokens.every((token, at) => likeliest(tops[at]!) === token),
    };
  });
}

/** Places of choices from the likeliest on; those that the reference finds as good as equal keep their order. */
function ranking(scores: readonly Score[], reference: readonly Score[]): readonly number[] {
  const isTie = (a: number, b: number) => Math.abs(reference[a]!.logprob - reference[b]!.logprob) < 2 * TOLERANCE;
  return [...scores.keys()].sort((a, b) => (isTie(a, b) ? a - b : scores[b]!.logprob - scores[a]!.logprob));
}
