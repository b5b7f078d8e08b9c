/**
 * A noncharacter (never meant for interchange) that keeps a spelt-out control token in somebody's text from being taken
 * for one: see {@link shielder}. Encoders drop it.
 */
export const shieldMark = '\uFDD0';

/**
 * A function that marks up text which people wrote, so that no control token is found in it when it is encoded with
 * `special`. The text between marks is unchanged; marks go into the spellings of control tokens only.
 */
export function shielder(controlTokens: readonly string[]): (text: string) => string {
  const pattern = literalPattern(controlTokens);
  if (!pattern) return unmarked;
  return (text) => {
    // After every character of a match and not only after its first: spellings may overlap.
    return unmarked(text).replace(pattern, (match) => [...match].map((character) => character + shieldMark).join(''));
  };
}

/** Matches any of the literals, the longest where several begin at one place; undefined for none. */
export function literalPattern(literals: readonly string[]): RegExp | undefined {
  const longestFirst = literals.filter((literal) => literal !== '').sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return undefined;
  return new RegExp(longestFirst.map((literal) => literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'gu');
}

export function unmarked(text: string): string {
  return text.replaceAll(shieldMark, '');
}
