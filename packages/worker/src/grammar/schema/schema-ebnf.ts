import { literal } from '../ebnf.js';
import { endlessRule } from '../endless-rule.js';
import { RuleList, TooManyRules } from '../rule-list.js';
import { arrayEbnf } from './array-ebnf.js';
import { flattenSchema } from './flatten-schema.js';
import {
  annotations,
  type JsonType,
  keywordsOfType,
  malformed,
  SchemaError,
  type SchemaObject,
  typeOfValue,
  typesOf,
} from './json-schema.js';
import { integerEbnf, numberEbnf } from './number-ebnf.js';
import { objectEbnf } from './object-ebnf.js';
import { References } from './references.js';
import { stringEbnf, stringTail } from './string-ebnf.js';
import { WorkLimit } from './work-limit.js';

const NESTING_MAX = 64;

/** Writes the rules of a grammar; gives names to those that are used more than once or within themselves. */
export interface RuleWriter {
  /**
   * The name of a rule for the values of a schema; undefined where it has none.
   * @param path to it from the schema around it: a keyword, and a name where there is one.
   */
  valueOf(schema: unknown, ...path: readonly [keyword: string, name?: string]): string | undefined;
  anyValue(): string;
  anyString(): string;
  /** A new rule. */
  rule(body: string): string;
  /** @throws SchemaError once too much was done for this schema; see {@link WorkLimit}. */
  spend(units: number): void;
}

/**
 * A grammar for the JSON texts that a schema accepts: one line, a space behind each comma and colon, and properties in
 * the schema's order. Every text of it is valid; see docs/structured-output.md for what of the valid is left out.
 * @throws SchemaError that names the keyword at fault.
 */
export function schemaEbnf(schema: unknown): string {
  const writer = new SchemaWriter(schema);
  const root = tooLargeSaid(() => writer.root(schema));
  if (root === undefined) throw malformed('json_schema', 'accepts no value at all');
  const grammar = writer.grammar(root);
  const endless = endlessRule(grammar);
  if (endless === undefined) return grammar;
  if (endless.hasText) throw new SchemaError('json_schema', `${endless.problem}, which is not supported`);
  throw new SchemaError('$ref', 'to a schema whose values must hold values of its own, without end, is not supported');
}

class SchemaWriter implements RuleWriter {
  readonly #references: References;
  readonly #rules = new RuleList();
  readonly #work = new WorkLimit();
  /** Of a schema's alternatives, written as JSON: a schema that comes again, or in itself, is the rule that it was. */
  readonly #names = new Map<string, string | undefined>();
  /** Those of them that are being written, and of these the ones that something within them names. */
  readonly #open = new Set<string>();
  readonly #openAndUsed = new Set<string>();
  #nesting = 0;

  constructor(root: unknown) {
    this.#references = new References(root);
  }

  grammar(root: string): string {
    return this.#rules.grammar(root);
  }

  valueOf(schema: unknown, ...path: readonly [string, string?]): string | undefined {
    try {
      return this.root(schema, path[0]);
    } catch (failure) {
      if (failure instanceof SchemaError) throw failure.at(...path.filter((part) => part !== undefined));
      throw failure;
    }
  }

  root(schema: unknown, keyword = 'json_schema'): string | undefined {
    const alternatives = flattenSchema(schema, keyword, this.#references, this.#work).map(withoutAnnotations);
    const key = JSON.stringify(alternatives);
    this.#work.spend(key.length / 256);
    if (this.#names.has(key)) {
      if (this.#open.has(key)) this.#openAndUsed.add(key);
      return this.#names.get(key);
    }
    this.#open.add(key);
    this.#nesting += 1;
    if (this.#nesting > NESTING_MAX) throw new SchemaError(keyword, `nests more than ${NESTING_MAX} deep`);
    const name = this.#rules.reserve();
    this.#names.set(key, name);
    const options = alternatives.map((one) => this.#expression(one)).filter((option) => option !== undefined);
    this.#nesting -= 1;
    this.#open.delete(key);
    if (options.length === 0) {
      // Whoever was given its name counts on it.
      if (this.#openAndUsed.has(key))
        throw new SchemaError('$ref', 'to a schema around it that accepts no value is not supported');
      this.#names.set(key, undefined);
      return undefined;
    }
    this.#rules.fill(name, [...new Set(options)].join(' | '));
    return name;
  }

  anyValue(): string {
    return this.valueOf({}, 'json_schema')!;
  }

  anyString(): string {
    const known = this.#names.get('string');
    if (known !== undefined) return known;
    const tail = this.#rules.loop(stringTail);
    const name = this.#rules.rule(`"\\"" ${tail}`);
    this.#names.set('string', name);
    return name;
  }

  rule(body: string): string {
    return this.#rules.rule(body);
  }

  spend(units: number): void {
    this.#work.spend(units);
  }

  /** Undefined where it has no value. */
  #expression(schema: SchemaObject): string | undefined {
    const values = constantsOf(schema);
    if (values !== undefined) return values.map((value) => literal(spaced(value))).join(' | ') || undefined;
    const options = typesToWrite(schema).map((type) => this.#ofType(type, schema));
    return options.filter((option) => option !== undefined).join(' | ') || undefined;
  }

  #ofType(type: JsonType, schema: SchemaObject): string | undefined {
    switch (type) {
      case 'object':
        return objectEbnf(schema, this);
      case 'array':
        return arrayEbnf(schema, this);
      case 'string':
        return stringEbnf(schema, this.#rules, () => this.anyString());
      case 'number':
        return numberEbnf(schema);
      case 'integer':
        return integerEbnf(schema);
      case 'boolean':
        return '"true" | "false"';
      case 'null':
        return '"null"';
    }
  }
}

/** A JSON text as grammars write it. */
export function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`);
  return `{${members.join(', ')}}`;
}

/** What `enum` and `const` leave; undefined where there is neither. */
function constantsOf(schema: SchemaObject): readonly unknown[] | undefined {
  const hasConst = Object.hasOwn(schema, 'const');
  if (!hasConst && schema.enum === undefined) return undefined;
  if (!hasConst && !Array.isArray(schema.enum)) throw malformed('enum', 'must be a list');
  for (const keyword of Object.values(keywordsOfType).flat()) {
    if (schema[keyword] === undefined) continue;
    throw new SchemaError(keyword, `together with "${hasConst ? 'const' : 'enum'}" is not supported`);
  }
  const named = typesOf(schema);
  const values: readonly unknown[] = hasConst ? [schema.const] : (schema.enum as unknown[]);
  const isAllowed = (value: unknown): boolean => {
    const type = typeOfValue(value);
    return named === undefined || named.includes(type) || (type === 'integer' && named.includes('number'));
  };
  const isListed = (value: unknown): boolean =>
    !Array.isArray(schema.enum) || schema.enum.some((other) => spaced(other) === spaced(value));
  return values.filter((value) => isAllowed(value) && isListed(value));
}

/** A schema that names no type gets those that its keywords are about; one that says nothing gets all. */
function typesToWrite(schema: SchemaObject): readonly JsonType[] {
  const named = typesOf(schema);
  if (named !== undefined) return named.filter((type) => type !== 'integer' || !named.includes('number'));
  const implied = (['object', 'array', 'string', 'number'] as const).filter((type) =>
    keywordsOfType[type].some((keyword) => schema[keyword] !== undefined),
  );
  return implied.length > 0 ? implied : ['object', 'array', 'string', 'number', 'boolean', 'null'];
}

function withoutAnnotations(schema: SchemaObject): SchemaObject {
  return Object.fromEntries(
    Object.entries(schema).filter(([keyword]) => !annotations.has(keyword) && !keyword.startsWith('x-')),
  );
}

function tooLargeSaid<Result>(write: () => Result): Result {
  try {
    return write();
  } catch (failure) {
    if (!(failure instanceof TooManyRules)) throw failure;
    throw new SchemaError('json_schema', 'makes too large a grammar, which is not supported');
  }
}
