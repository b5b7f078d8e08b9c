import { seededRng } from '@sluice/shared';
import { sampleAllowed } from '../../packages/worker/src/engine/sampling/constrained-sampler.js';
import { greedySampling } from '../../packages/worker/src/engine/sequence.js';
import type { LogitsRow } from '../../packages/worker/src/engine/step-plan.js';
import type { TokenGuide } from '../../packages/worker/src/engine/token-guide.js';

/** Rows of random logits, drawn once; tokens of the second half are those that bring texts to an end. */
export interface RandomModel {
  readonly rows: readonly LogitsRow[];
  readonly closingRows: readonly LogitsRow[];
}

const ROWS = 24;
const CANDIDATES = 256;
/** From then on the model would like to come to an end. */
const TEXT_TOKENS = 20;
const TOKENS_MAX = 400;

/**
 * A model of no sense at all: it writes what no trained one would, and so whatever a grammar lets through.
 * @param isClosing tokens that may end a text, or bring it nearer to its end.
 */
export function randomModel(seed: number, vocabularyCount: number, isClosing: (id: number) => boolean): RandomModel {
  const rng = seededRng(seed, 0);
  const row = (closingBonus: number): LogitsRow => {
    const logits = Float32Array.from({ length: vocabularyCount }, (_, id) => {
      // About as flat as a model is that does not know what comes.
      const normal = rng.next() + rng.next() + rng.next() + rng.next() - 2;
      return 4 * normal + (isClosing(id) ? closingBonus : 0);
    });
    const tokenIds = Int32Array.from(logits.keys())
      .sort((a, b) => logits[b]! - logits[a]! || a - b)
      .slice(0, CANDIDATES);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    return {
      best: tokenIds[0]!,
      logits,
      candidates: { tokenIds, logits: Float32Array.from(tokenIds, (id) => logits[id]!) },
      logSumExps: [Math.log(sum)],
    };
  };
  return {
    rows: Array.from({ length: ROWS }, () => row(0)),
    closingRows: Array.from({ length: ROWS }, () => row(14)),
  };
}

/** A text at temperature 1, by the worker's own sampler; undefined where it did not end in 400 tokens. */
export function randomTokens(model: RandomModel, guide: TokenGuide, seed: number): number[] | undefined {
  const rng = seededRng(seed, 1);
  const params = { ...greedySampling, temperature: 1 };
  const tokenIds: number[] = [];
  while (!guide.isComplete) {
    if (tokenIds.length === TOKENS_MAX) return undefined;
    const rows = tokenIds.length < TEXT_TOKENS ? model.rows : model.closingRows;
    const row = rows[Math.floor(rng.next() * ROWS)]!;
    const tokenId = sampleAllowed(row, params, undefined, guide.allowed(), rng.next());
    if (!guide.accept(tokenId)) throw new Error(`token ${tokenId} was allowed and is not taken`);
    tokenIds.push(tokenId);
  }
  return tokenIds.slice(0, -1);
}
