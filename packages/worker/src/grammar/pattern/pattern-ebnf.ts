import { characterClass, literal } from '../ebnf.js';
import type { RuleList } from '../rule-list.js';
import { type CodePoints, everyCodePoint, includes, intersect } from './code-points.js';
import { PatternError, parsePattern } from './parse-pattern.js';
import type { Pattern } from './pattern.js';

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
 * An expression of the grammar language for the texts that a regular expression matches, with `end` behind them. Written
 * so that every rule ends with the next one and none comes back to where it was called: of such rules the library knows
 * the tokens beforehand, and has to try thousands each time where a counted repetition stands inside a rule.
 * @param isSearch true: it need not match from the beginning to the end of the text but where it is anchored, as a JSON
 * schema's `pattern`; false: it always matches the whole text.
 * @throws PatternError as `parsePattern`, and for a class without a character. TooManyRules.
 */
export function patternEbnf(
  text: string,
  isSearch: boolean,
  write: WriteCharacters,
  rules: RuleList,
  end = '""',
): string {
  const writer = new PatternWriter(write, rules);
  const anything: Pattern = {
    kind: 'repeat',
    part: { kind: 'set', points: everyCodePoint },
    least: 0,
    most: undefined,
  };
  const options = parsePattern(text).map(({ pattern, fromStart, toEnd }) => {
    const behind = !isSearch || toEnd ? end : writer.write(anything, end);
    const matched = writer.write(pattern, behind);
    return !isSearch || fromStart ? matched : writer.write(anything, matched);
  });
  return options.length === 1 ? options[0]! : rules.rule(options.join(' | '));
}

class PatternWriter {
  readonly #write: WriteCharacters;
  readonly #rules: RuleList;

  constructor(write: WriteCharacters, rules: RuleList) {
    this.#write = write;
    this.#rules = rules;
  }

  /** The pattern, and `behind` it. */
  write(pattern: Pattern, behind: string): string {
    switch (pattern.kind) {
      case 'set':
        if (pattern.points.length === 0) throw new PatternError('a class without a character is not supported');
        return `${this.#write(pattern.points)} ${behind}`;
      case 'sequence':
        return pattern.parts.reduceRight((rest, part) => this.write(part, rest), behind);
      case 'either': {
        const next = this.#named(behind);
        return this.#rules.rule(pattern.options.map((option) => this.write(option, next)).join(' | '));
      }
      case 'repeat':
        return this.#repeat(pattern, this.#named(behind));
    }
  }

  #repeat({ part, least, most }: Extract<Pattern, { kind: 'repeat' }>, next: string): string {
    if (most === undefined && isMaybeEmpty(part)) {
      throw new PatternError('a repetition without end of what may be empty is not supported');
    }
    let rest = next;
    if (most === undefined) rest = this.#rules.loop((name) => `${this.write(part, name)} | ${next}`);
    else for (let count = most; count > least; count--) rest = this.#rules.rule(`${this.write(part, rest)} | ${next}`);
    for (let count = 0; count < least; count++) {
      const before = rest;
      rest = this.#named(this.write(part, rest));
      // Nothing, however often; counts within counts would take for ever to come to it.
      if (rest === before) break;
    }
    return rest;
  }

  #named(expression: string): string {
    return /^r\d+$/.test(expression) ? expression : this.#rules.rule(expression);
  }
}

function isMaybeEmpty(pattern: Pattern): boolean {
  switch (pattern.kind) {
    case 'set':
      return false;
    case 'sequence':
      return pattern.parts.every(isMaybeEmpty);
    case 'either':
      return pattern.options.some(isMaybeEmpty);
    case 'repeat':
      return pattern.least === 0 || isMaybeEmpty(pattern.part);
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
