/** The model that mocks serve. */
export const MODEL = 'mock';

/** What every request of the load says. */
export const PROMPT = 'Say something that takes a while, in words that cost nothing.';

/** Third argument of a mock whose tokens say which they are. */
export const NUMBERED = 'numbered';

/** @param number from 1 up. */
export function tokenText(number: number, isNumbered: boolean): string {
  return isNumbered ? ` word${number}` : ' word';
}
