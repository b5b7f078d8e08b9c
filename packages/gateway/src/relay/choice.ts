import type { GenerationCall } from '../api/generation-call.js';

/** One answer of those that a request asks for. */
export interface Choice {
  /** Its number in the reply, from 0; of all that are drawn where only the best are given. */
  readonly index: number;
  /** Of its prompt, in the request. */
  readonly promptIndex: number;
  /** Its number among the answers to its prompt, from 0. */
  readonly sample: number;
}

/** All answers to draw, in order: those to the first prompt, then those to the second. */
export function choicesOf({ prompts, samplesDrawn }: Pick<GenerationCall, 'prompts' | 'samplesDrawn'>): Choice[] {
  return prompts.flatMap((_, promptIndex) =>
    Array.from({ length: samplesDrawn }, (_, sample) => ({
      index: promptIndex * samplesDrawn + sample,
      promptIndex,
      sample,
    })),
  );
}

/**
 * The seed of one answer. A prompt of a list gets the answers that it would get alone with the same seed; where the
 * caller gave none, equal prompts shall not get equal answers.
 * @param drawn what stands in where the caller gave none.
 */
export function seedOf({ seed }: Pick<GenerationCall, 'seed'>, drawn: number, { index, sample }: Choice): number {
  const seedOfChoice = seed === undefined ? drawn + index : seed + sample;
  // Beyond it, two numbers in a row are no longer two numbers.
  return seedOfChoice > Number.MAX_SAFE_INTEGER ? seedOfChoice - Number.MAX_SAFE_INTEGER : seedOfChoice;
}
