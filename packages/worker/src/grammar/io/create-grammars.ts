import type { Clock } from '@sluice/shared';
import { GrammarCache } from '../grammar-cache.js';
import type { ForcedIds, GrammarGuide } from '../grammar-guide.js';
import type { GrammarSource } from '../grammar-source.js';
import type { GrammarVocabulary } from '../grammar-vocabulary.js';
import { createBinding } from './grammar-library.js';
import { GrammarPool } from './grammar-pool.js';

export interface Grammars {
  /** See {@link GrammarCache.guideFor}. */
  guideFor(source: GrammarSource): Promise<GrammarGuide>;
  readonly cache: GrammarCache;
  close(): Promise<void>;
}

/**
 * Grammars for one vocabulary. Nothing is loaded or started before the first one is asked for.
 * @param forcedIds absent: every token is sampled.
 */
export function createGrammars(
  vocabulary: GrammarVocabulary,
  clock: Pick<Clock, 'nowMs'>,
  forcedIds?: ForcedIds,
): Grammars {
  const pool = new GrammarPool({ vocabulary });
  const cache = new GrammarCache({
    compile: (source) => pool.compile(source),
    createBinding,
    vocabularyCount: vocabulary.vocabularyCount,
    clock,
    forcedIds,
  });
  return { guideFor: (source) => cache.guideFor(source), cache, close: () => pool.close() };
}
