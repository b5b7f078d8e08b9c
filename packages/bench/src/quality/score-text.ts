import type { LogitsRow, ModelPort } from '@sluice/worker';

/** How a model reads a text, and how far its predictions are from those of an exact model. */
export interface TextScore {
  /** Tokens that were predicted. */
  readonly tokens: number;
  readonly perplexity: number;
  /** Mean over places of the Kullback-Leibler divergence of the model from the exact one, in nats. */
  readonly divergence: number;
  /** The divergence that one place in a hundred exceeds, in nats. */
  readonly divergenceP99: number;
  /** Share of places where both find the same token likeliest. */
  readonly sameBest: number;
}

/** Each window is read as a text of its own. */
export const WINDOW_TOKENS = 512;
export const CHUNK_TOKENS = 64;

/**
 * Runs a text through the exact model and the others, side by side, so that no row of logits is kept.
 * @param models the exact one first; each with a slot, {@link WINDOW_TOKENS} of context and {@link CHUNK_TOKENS} a step.
 * @param ids at least two.
 * @param onProgress 0 to 1.
 */
export async function scoreText(
  models: readonly ModelPort[],
  ids: readonly number[],
  onProgress: (fraction: number) => void,
): Promise<TextScore[]> {
  const tallies = models.map(() => new Tally());
  for (let from = 0; from + 1 < ids.length; from += WINDOW_TOKENS) {
    const window = ids.slice(from, from + WINDOW_TOKENS);
    for (const [position, end] of chunks(window.length)) {
      const tokenIds = window.slice(position, end);
      let exact: readonly LogitsRow[] | undefined;
      for (const [index, model] of models.entries()) {
        const want = { temperatures: [1] };
        const chunk = { slot: 0, tokenIds, position, want, wantTokens: tokenIds.length };
        const { rows } = await model.forward({ decodes: [], chunks: [chunk], resting: [] });
        exact ??= rows;
        // The window's last token predicts one that is not part of it.
        for (const [row, next] of window.slice(position + 1, end + 1).entries()) {
          tallies[index]!.add(exact[row]!, rows[row]!, next);
        }
      }
      onProgress((from + end) / ids.length);
    }
  }
  return tallies.map((tally) => tally.score());
}

class Tally {
  #negativeLogLikelihood = 0;
  #same = 0;
  readonly #divergences: number[] = [];

  add(exact: LogitsRow, row: LogitsRow, next: number): void {
    this.#negativeLogLikelihood += row.logSumExps[0]! - row.logits[next]!;
    this.#divergences.push(exact === row ? 0 : divergence(exact, row));
    if (exact.best === row.best) this.#same++;
  }

  score(): TextScore {
    const tokens = this.#divergences.length;
    const sorted = this.#divergences.sort((a, b) => a - b);
    return {
      tokens,
      perplexity: Math.exp(this.#negativeLogLikelihood / tokens),
      divergence: sorted.reduce((sum, value) => sum + value, 0) / tokens,
      divergenceP99: sorted[Math.min(tokens - 1, Math.floor(0.99 * tokens))] ?? 0,
      sameBest: this.#same / tokens,
    };
  }
}

/** Sum over the vocabulary of p × (log p - log q). */
function divergence(exact: LogitsRow, row: LogitsRow): number {
  const offset = exact.logSumExps[0]!;
  const difference = row.logSumExps[0]! - offset;
  let sum = 0;
  for (let id = 0; id < exact.logits.length; id++) {
    const logit = exact.logits[id]!;
    sum += Math.exp(logit - offset) * (logit - row.logits[id]! + difference);
  }
  return sum;
}

/** First and end of each chunk. A last one of a single token joins the one before it, which takes one token less. */
function* chunks(tokens: number): Generator<readonly [from: number, end: number]> {
  for (let from = 0; from < tokens; ) {
    const left = tokens - from;
    const end = left === CHUNK_TOKENS + 1 ? from + CHUNK_TOKENS - 1 : Math.min(tokens, from + CHUNK_TOKENS);
    yield [from, end];
    from = end;
  }
}
