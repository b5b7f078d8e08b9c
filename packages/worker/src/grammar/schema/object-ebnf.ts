import { beyondAscii, literal, repeated } from '../ebnf.js';
import { codePoints, complement, intersect } from '../pattern/code-points.js';
import { matchesSomewhere } from '../pattern/match-pattern.js';
import { parsePattern } from '../pattern/parse-pattern.js';
import { asText, unescaped } from '../pattern/pattern-ebnf.js';
import { countOf, isObject, malformed, preview, requiredOf, SchemaError, type SchemaObject } from './json-schema.js';
import type { RuleWriter } from './schema-ebnf.js';
import { inPattern } from './string-ebnf.js';

/** Of names that others must not be: each character takes a rule, and a place on the stack. */
const NAME_CHARACTERS_MAX = 256;

/** A property that may or has to be written. */
interface Member {
  readonly name: string;
  readonly value: string;
  readonly isRequired: boolean;
}

/**
 * An expression for an object; undefined where none is valid. Properties come in the schema's order; others come behind
 * them, and only where the schema speaks of them or names no property at all.
 */
export function objectEbnf(schema: SchemaObject, writer: RuleWriter): string | undefined {
  const { properties = {} } = schema;
  if (!isObject(properties)) throw malformed('properties', 'must be an object of schemas');
  const required = requiredOf(schema);
  const mustHave = new Set(required);
  const patterns = patternsOf(schema, writer);
  const extra = extraOf(schema, Object.keys(properties).length > 0 || patterns.length > 0);
  const names = [...new Set([...Object.keys(properties), ...required])];
  const members: Member[] = [];
  for (const name of names) {
    const own = Object.hasOwn(properties, name) ? [properties[name]] : [];
    const matching = patterns.filter(([matches]) => matches(name)).map(([, value]) => value);
    // A name that only `required` knows is one of the others.
    const parts = own.length + matching.length > 0 ? [...own, ...matching] : [schema.additionalProperties ?? true];
    const value = writer.valueOf(parts.length === 1 ? parts[0] : { allOf: parts }, 'properties', name);
    const isRequired = mustHave.has(name);
    if (value === undefined && isRequired) return undefined;
    if (value !== undefined) members.push({ name, value, isRequired });
  }
  const extraValue = extra === undefined ? undefined : writer.valueOf(extra, 'additionalProperties');
  return withinCounts(schema, members, names, extraValue, writer);
}

function withinCounts(
  schema: SchemaObject,
  members: readonly Member[],
  names: readonly string[],
  extraValue: string | undefined,
  writer: RuleWriter,
): string | undefined {
  const least = countOf(schema, 'minProperties') ?? 0;
  const most = countOf(schema, 'maxProperties') ?? Number.POSITIVE_INFINITY;
  const requiredCount = members.filter(({ isRequired }) => isRequired).length;
  // The same name twice is one property: how many there are is known of one other at most.
  const isKnownLeast = least <= requiredCount || (least === 1 && members.length === 0);
  if (!isKnownLeast && (extraValue !== undefined || members.length > requiredCount)) {
    throw new SchemaError('minProperties', `${least}, with ${requiredCount} required properties, is not supported`);
  }
  if (!isKnownLeast || requiredCount > most) return undefined;
  if (members.length > most) {
    throw new SchemaError(
      'maxProperties',
      `${most}, with ${members.length} properties to choose from, is not supported`,
    );
  }
  const pair = extraValue === undefined ? undefined : `${otherName(names, writer)} ": " ${extraValue}`;
  const pairsMax = most === Number.POSITIVE_INFINITY ? undefined : most - members.length;
  const pairsMin = least > requiredCount ? 1 : 0;
  return memberList(members, pair === undefined ? undefined : { pair, least: pairsMin, most: pairsMax }, writer);
}

interface Pairs {
  readonly pair: string;
  readonly least: number;
  readonly most: number | undefined;
}

/** Two rules for each member: what follows when something has been written, and when nothing has. */
function memberList(members: readonly Member[], pairs: Pairs | undefined, writer: RuleWriter): string {
  let behind = '""';
  let atFirst = '""';
  if (pairs !== undefined && pairs.most !== 0) {
    const { pair, least, most } = pairs;
    const more = repeated(`", " ${pair}`, 0, most === undefined ? undefined : most - 1);
    behind = repeated(`", " ${pair}`, 0, most);
    atFirst = least === 0 ? `(${pair} ${more})?` : `${pair} ${more}`;
  }
  for (const { name, value, isRequired } of [...members].reverse()) {
    const here = `${literal(JSON.stringify(name))} ": " ${value}`;
    const next = behind === '""' ? '' : ` ${writer.rule(behind)}`;
    const skipped = atFirst === '""' ? '""' : writer.rule(atFirst);
    atFirst = isRequired ? `${here}${next}` : `${here}${next} | ${skipped}`;
    behind = isRequired ? `", " ${here}${next}` : `", " ${here}${next} |${next === '' ? ' ""' : next}`;
  }
  return atFirst === '""' ? '"{}"' : `"{" ${writer.rule(atFirst)} "}"`;
}

/** Whether a name matches, and the schema that it has to follow then. */
function patternsOf(
  { patternProperties = {} }: SchemaObject,
  writer: RuleWriter,
): [(name: string) => boolean, unknown][] {
  const keyword = 'patternProperties';
  if (!isObject(patternProperties)) throw malformed(keyword, 'must be an object of schemas');
  return Object.entries(patternProperties).map(([pattern, value]) => {
    const branches = inPattern(keyword, pattern, () => parsePattern(pattern));
    const matches = (name: string): boolean => {
      // What classes of spaces and of any character hold differs there from ECMAScript's.
      if (/[^\S \t\n\v\f\r]/.test(name)) {
        throw new SchemaError(keyword, `beside the name ${preview(name)}, with a space beyond ASCII, is not supported`);
      }
      return matchesSomewhere(branches, name, (units) => writer.spend(units));
    };
    return [matches, value];
  });
}

/** The schema of properties that are not named; undefined where none are written. */
function extraOf(schema: SchemaObject, namesSome: boolean): unknown {
  const { additionalProperties, patternProperties, unevaluatedProperties } = schema;
  if (patternProperties !== undefined) return undefined;
  const extra = additionalProperties ?? unevaluatedProperties ?? !namesSome;
  return extra === false ? undefined : extra;
}

/**
 * A quoted name that is none of those: a tree of their characters, left at the first that none of them has there. Without
 * escapes, so that one name is written in one way.
 */
function otherName(names: readonly string[], writer: RuleWriter): string {
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  if (longest > NAME_CHARACTERS_MAX) {
    const problem = `beside a name of ${longest} characters is not supported; at most ${NAME_CHARACTERS_MAX} are`;
    throw new SchemaError('additionalProperties', problem);
  }
  const rest = writer.rule(`${asText(unescaped)}* "\\""`);
  const plain = names.filter((name) => JSON.stringify(name) === `"${name}"`).map((name) => Array.from(name));
  const tree = (tails: readonly (readonly string[])[]): string => {
    const groups = groupByFirst(tails);
    const taken = codePoints(
      [...groups.keys()].map((character) => [character.codePointAt(0)!, character.codePointAt(0)!]),
    );
    const others = intersect(unescaped, complement(taken));
    const isLow = intersect(taken, beyondAscii).length === 0;
    const options = [`${asText(isLow ? others : intersect(others, complement(beyondAscii)))} ${rest}`];
    if (!tails.some((tail) => tail.length === 0)) options.push('"\\""');
    for (const [character, behind] of groups) options.push(`${literal(character)} ${tree(behind)}`);
    return writer.rule(options.join(' | '));
  };
  return `"\\"" ${tree(plain)}`;
}

function groupByFirst(tails: readonly (readonly string[])[]): Map<string, (readonly string[])[]> {
  const groups = new Map<string, (readonly string[])[]>();
  for (const [first, ...behind] of tails) {
    if (first !== undefined) groups.set(first, [...(groups.get(first) ?? []), behind]);
  }
  return groups;
}
