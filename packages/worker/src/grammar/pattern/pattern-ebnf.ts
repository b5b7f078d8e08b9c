import { characterClass, literal, repeated } from '../ebnf.js';
import { type CodePoints, everyCodePoint, includes, intersect } from './code-points.js';
import { PatternError, parsePattern } from './parse-pattern.js';
import type { Branch, Pattern } from './pattern.js';

/** How one of several characters is written where the pattern's text goes. */
export type WriteCharacters = (points: CodePoints) => string;

/** Characters stand for themselves. */
export const asText: WriteCharacters = (points) => {
  const written = characterClass(points);
  if (written !== undefined) return written;
  throw new PatternError('a class with many characters beyond ASCII, but not all of them, is not supported');
};

/**
 * Characters between the quotes of a JSON string, those that have to be escaped in their shortest way; of wide classes
 * (`.`, `[^a]`, `\S`) only those that need not be, since a choice takes the library far longer than a class.
 */
export const asJson: WriteCharacters = (points) => {
  const options: string[] = [];
  const plain = intersect(points, unescaped);
  if (plain.length > 0) options.push(asText(plain));
  if (countOf(plain) >= WIDE_CLASS) return options[0]!;
  for (const [point, text] of escapes) if (includes(points, point)) options.push(literal(text));
  return options.length === 1 ? options[0]! : `(${options.join(' | ')})`;
};

/**
 * An expression of the grammar language for the texts that a regular expression matches.
 * @param isSearch true: it need not match from the beginning to the end of the text but where it is anchored, as a JSON
 * schema's `pattern`; false: it always matches the whole text.
 * @throws PatternError as `parsePattern`, and for a class without a character.
 */
export function patternEbnf(text: string, isSearch: boolean, write: WriteCharacters): string {
  const anything = repeated(write(everyCodePoint), 0, undefined);
  const expressionOf = ({ pattern, fromStart, toEnd }: Branch): string => {
    const inside = expression(pattern, write);
    return [!isSearch || fromStart ? '' : `${anything} `, inside, !isSearch || toEnd ? '' : ` ${anything}`].join('');
  };
  const branches = parsePattern(text).map(expressionOf);
  // What is not in parentheses is part of the rule around it, which is far faster to match.
  return branches.length === 1 ? branches[0]! : `(${branches.join(' | ')})`;
}

function expression(pattern: Pattern, write: WriteCharacters): string {
  switch (pattern.kind) {
    case 'set':
      if (pattern.points.length === 0) throw new PatternError('a class without a character is not supported');
      return write(pattern.points);
    case 'sequence':
      return pattern.parts.length === 0 ? '""' : pattern.parts.map((part) => expression(part, write)).join(' ');
    case 'either':
      return `(${pattern.options.map((option) => expression(option, write)).join(' | ')})`;
    case 'repeat':
      return repeated(expression(pattern.part, write), pattern.least, pattern.most);
  }
}

const WIDE_CLASS = 1_000;

function countOf(points: CodePoints): number {
  return points.reduce((count, [from, to]) => count + to - from + 1, 0);
}

/** JSON's control characters, quote and backslash, as they are written. */
const escapes: ReadonlyMap<number, string> = new Map(
  [0x22, 0x5c, ...Array(32).keys()].map((point) => [point, JSON.stringify(String.fromCharCode(point)).slice(1, -1)]),
);

/** What stands for itself in a JSON string. */
export const unescaped: CodePoints = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0xd7ff],
  [0xe000, 0x10ffff],
];
