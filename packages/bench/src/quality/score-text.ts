import type { LogitsRow, ModelPort } from '@sluice/worker';
import { wantBest } from '@sluice/worker';
import { meanOf } from './mean-of.js';
import { type Prediction, ReferenceRow } from './reference-row.js';

/** How a model reads a text, and how far its predictions are from those of an exact model. */
export interface TextScore {
  /** Tokens that were predicted. */
  readonly tokens: number;
  readonly perplexity: number;
  /** Perplexity over that of the exact model. */
  readonly perplexityRatio: number;
  /**
   * Standard error of that ratio, 0.001 for a tenth of a per cent: from what each token surprises the one model more than the
   * other, so that what both find hard does not count. NaN with a single token.
   */
  readonly perplexityRatioStandardError: number;
  /** Mean over places of the Kullback-Leibler divergence of the model from the exact one, in nats. */
  readonly divergence: number;
  /** Standard error of that mean, in nats, from how much runs of {@link RUN_TOKENS} tokens differ; NaN with a single token. */
  readonly divergenceStandardError: number;
  /** The divergence that one place in a hundred exceeds, in nats. */
  readonly divergenceP99: number;
  /** Share of places where both find the same token likeliest. */
  readonly sameBest: number;
}

/** Each window is read as a text of its own. */
export const WINDOW_TOKENS = 512;
/** Rows of logits in memory, for each model. Half as many take a pass 7 % longer, twice as many save nothing. */
export const CHUNK_TOKENS = 128;

/**
 * Neighbours diverge alike, since some kinds of text are harder to keep than others: 0.2 is their correlation, and 16 tokens
 * on it is still 0.05; that of what they surprise more than they do the exact model is nothing (SmolLM2-135M, w8a8).
 */
const RUN_TOKENS = 128;

/**
 * Runs a text through the exact model and the others, side by side, so that no more than a chunk's logits are kept.
 * @param models the exact one first; each with a slot, {@link WINDOW_TOKENS} of context and {@link CHUNK_TOKENS} a step.
 * @param ids at least two.
 * @param onProgress 0 to 1.
 */
export async function scoreText(
  models: readonly ModelPort[],
  ids: readonly number[],
  onProgress: (fraction: number) => void,
): Promise<TextScore[]> {
  const reference = new ReferenceRow(models[0]!.limits.vocabularyCount);
  const tallies = models.map(() => new Tally());
  for (let from = 0; from + 1 < ids.length; from += WINDOW_TOKENS) {
    const window = ids.slice(from, from + WINDOW_TOKENS);
    for (const [position, end] of chunks(window.length)) {
      const rows: (readonly LogitsRow[])[] = [];
      for (const model of models) rows.push(await readChunk(model, window.slice(position, end), position));
      // The window's last token predicts one that is not part of it.
      for (const [place, next] of window.slice(position + 1, end + 1).entries()) {
        const [exact, ...others] = rows.map((ofModel) => ofModel[place]!);
        const own = reference.read(exact!, next);
        tallies[0]!.add(own, own, true);
        for (const [index, row] of others.entries()) {
          tallies[index + 1]!.add(reference.compare(row, next), own, row.best === exact!.best);
        }
      }
      onProgress((from + end) / ids.length);
    }
  }
  return tallies.map((tally) => tally.score());
}

/** One row for each token, valid until the model's next chunk. No temperature: candidates would be found for nobody. */
async function readChunk(model: ModelPort, tokenIds: number[], position: number): Promise<readonly LogitsRow[]> {
  const chunk = { slot: 0, tokenIds, position, want: wantBest, wantTokens: tokenIds.length };
  const { rows } = await model.forward({ decodes: [], chunks: [chunk], resting: [] });
  return rows;
}

class Tally {
  readonly #surprises: number[] = [];
  /** What each token surprised more than it did the exact model. */
  readonly #excesses: number[] = [];
  readonly #divergences: number[] = [];
  #same = 0;

  add({ surprise, divergence }: Prediction, exact: Prediction, isSameBest: boolean): void {
    this.#surprises.push(surprise);
    this.#excesses.push(surprise - exact.surprise);
    this.#divergences.push(divergence);
    if (isSameBest) this.#same++;
  }

  score(): TextScore {
    const tokens = this.#divergences.length;
    const excess = meanOf(this.#excesses);
    const divergence = meanOf(this.#divergences, RUN_TOKENS);
    const sorted = this.#divergences.toSorted((a, b) => a - b);
    const perplexityRatio = Math.exp(excess.mean);
    return {
      tokens,
      perplexity: Math.exp(meanOf(this.#surprises).mean),
      perplexityRatio,
      // Of an exponential: its own derivative times the error of the exponent, which is small.
      perplexityRatioStandardError: perplexityRatio * excess.standardError,
      divergence: divergence.mean,
      divergenceStandardError: divergence.standardError,
      divergenceP99: sorted[Math.min(tokens - 1, Math.floor(0.99 * tokens))] ?? 0,
      sameBest: this.#same / tokens,
    };
  }
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
