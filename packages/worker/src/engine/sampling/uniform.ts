import { seededRng } from '@sluice/shared';

/**
 * The random number that picks token `index` of a sequence with this seed: uniform in [0, 1), the same on every machine,
 * after every preemption and on every worker, because it depends on nothing else.
 */
export function uniform(seed: number, index: number): number {
  return seededRng(seed, index).next();
}
