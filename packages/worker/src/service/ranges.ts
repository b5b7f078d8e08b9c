import { ServingError } from '@sluice/shared';

/** The refusal of a request field; the message says value and bound. */
export function invalid(field: string, message: string): ServingError {
  return new ServingError('invalid_request', message, { field });
}

/** Refuses numbers outside [least, most], and those that are none. */
export function inRange(field: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  const bound = value < least ? `at least ${least}` : value > most ? `at most ${most}` : `from ${least} to ${most}`;
  throw invalid(field, `${field} ${value} must be ${bound}`);
}

export function atMost(field: string, count: number, most: number, unit: string): void {
  if (count > most) throw invalid(field, `${field} has ${count} ${unit}; at most ${most} are allowed`);
}

export function tokenIdBelow(field: string, tokenId: number, vocabularyCount: number): void {
  if (tokenId < vocabularyCount) return;
  throw invalid(field, `${field}: token id ${tokenId} must be below the vocabulary's ${vocabularyCount}`);
}

/** Refuses text with half a surrogate pair: no model output can hold it. */
export function wellFormed(field: string, text: string): void {
  if (/\p{Surrogate}/u.test(text)) throw invalid(field, `${field} holds half a surrogate pair`);
}
