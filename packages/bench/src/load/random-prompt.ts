import { seededRng } from '@sluice/shared';

/**
 * Ordinary tokens of any vocabulary of 32,000 or more: control tokens and single bytes have the lowest ids in the
 * families that are served, added tokens the highest.
 */
const firstId = 1_000;
const idCount = 29_000;

/**
 * `tokens` token ids that mean nothing together, the same for the same seed and index. Prompts of different indexes
 * share no prefix to speak of, so that no cache of prefixes helps.
 */
export function randomPrompt(tokens: number, seed: number, index: number): number[] {
  const rng = seededRng(seed * 1_000_003 + index);
  return Array.from({ length: tokens }, () => firstId + rng.below(idCount));
}
