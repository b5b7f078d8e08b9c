import { repeated } from '../ebnf.js';
import { PatternError } from '../pattern/parse-pattern.js';
import { asJson, asText, patternEbnf, unescaped } from '../pattern/pattern-ebnf.js';
import type { RuleList } from '../rule-list.js';
import { formats } from './formats.js';
import { countOf, malformed, preview, SchemaError, type SchemaObject } from './json-schema.js';

export const LENGTH_MAX = 65_536;

/**
 * Up to it each character is a rule, and the library knows beforehand which tokens may come. It computes those of each over
 * the whole vocabulary, so thousands would take minutes; a longer string is left to it to count, in some 0.3 ms a token.
 */
const LISTED_MAX = 128;

/**
 * What stands behind the opening quote of any string, as a rule of this name: a loop of its own, since the library knows
 * the tokens of a loop beforehand and has to try those of a repeated choice, thousands, each time. Half a surrogate pair is
 * no character, however it is written.
 */
export function stringTail(name: string): string {
  const escaped = '"\\\\" ["\\\\/bfnrt]';
  const coded = '"\\\\u" ([0-9a-ce-fA-CE-F] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2})';
  return `"\\"" | ${asText(unescaped)} ${name} | ${escaped} ${name} | ${coded} ${name}`;
}

/** An expression for a string, quotes included. */
export function stringEbnf(schema: SchemaObject, rules: RuleList, anyString: () => string): string {
  const { pattern, format } = schema;
  const [least, most] = [countOf(schema, 'minLength'), countOf(schema, 'maxLength')];
  const said = ['pattern', 'format', 'minLength', 'maxLength'].filter((keyword) => schema[keyword] !== undefined);
  const isLengthOnly = pattern === undefined && format === undefined;
  if (said.length > 1 && !isLengthOnly) {
    throw new SchemaError(said[0]!, `together with "${said[1]}" is not supported`);
  }
  if (pattern !== undefined) return ofPattern('pattern', pattern, true, rules);
  if (format !== undefined) return ofPattern('format', knownFormat(format), false, rules);
  if (least === undefined && most === undefined) return anyString();
  for (const [keyword, value] of [
    ['minLength', least],
    ['maxLength', most],
  ] as const) {
    if (value !== undefined && value > LENGTH_MAX) {
      throw new SchemaError(keyword, `${value} is not supported; at most ${LENGTH_MAX} is`);
    }
  }
  if ((least ?? 0) > (most ?? LENGTH_MAX)) throw malformed('minLength', `${least} is above maxLength ${most}`);
  if (Math.max(least ?? 0, most ?? 0) > LISTED_MAX) {
    return `"\\"" ${repeated(asText(unescaped), least ?? 0, most)} "\\""`;
  }
  return ofPattern('maxLength', `[^]{${least ?? 0},${most ?? ''}}`, false, rules);
}

function knownFormat(format: unknown): string {
  if (typeof format !== 'string') throw malformed('format', 'must be a string');
  const known = formats.get(format);
  if (known !== undefined) return known;
  const names = [...formats.keys()].join(', ');
  throw new SchemaError('format', `${preview(format)} is not supported; ${names} are`);
}

/** Quotes included. */
function ofPattern(keyword: string, pattern: unknown, isSearch: boolean, rules: RuleList): string {
  if (typeof pattern !== 'string') throw malformed(keyword, 'must be a string');
  return inPattern(keyword, pattern, () => `"\\"" ${patternEbnf(pattern, isSearch, asJson, rules, '"\\""')}`);
}

/** @throws SchemaError that names the keyword for a PatternError. */
export function inPattern<Result>(keyword: string, pattern: string, read: () => Result): Result {
  try {
    return read();
  } catch (failure) {
    if (failure instanceof PatternError) throw new SchemaError(keyword, `${preview(pattern)}: ${failure.message}`);
    throw failure;
  }
}
