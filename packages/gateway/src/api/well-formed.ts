import { z } from 'zod';

/** Refuses half of a surrogate pair (`"\ud800"`): no UTF-8, so no token, can stand for it. */
export const wellFormedString = z.string().refine(isWellFormed, { error: 'must not hold half of a surrogate pair' });

export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
