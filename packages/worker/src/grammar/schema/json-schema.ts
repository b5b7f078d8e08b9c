/** A JSON schema that is a JSON object; its keywords are checked where they are used. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** Why a schema is refused: the keyword at fault, and where it is. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly keyword: string;
  /** Whether it means something that is not done here; false: it means nothing. */
  readonly isUnsupported: boolean;
  /** Keywords and names that lead to it from the root of the schema, by way of references. */
  readonly path: readonly string[];
  readonly #problem: string;

  constructor(keyword: string, problem: string, isUnsupported = true, path: readonly string[] = []) {
    const place = path.map((part) => `/${part.slice(0, 100)}`).join('');
    super(`"${keyword.slice(0, 100)}" ${problem}${place === '' ? '' : `, at ${place}`}`);
    this.keyword = keyword;
    this.#problem = problem;
    this.isUnsupported = isUnsupported;
    this.path = path;
  }

  /** The same, of a schema that is found there. */
  at(...path: readonly string[]): SchemaError {
    return new SchemaError(this.keyword, this.#problem, this.isUnsupported, [...path, ...this.path]);
  }
}

/** A keyword of a value that the standard does not give it. */
export function malformed(keyword: string, problem: string): SchemaError {
  return new SchemaError(keyword, problem, false);
}

export const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type JsonType = (typeof types)[number];

/** Keywords that say something about values of one type and nothing about others. */
export const keywordsOfType: Readonly<Record<'object' | 'array' | 'string' | 'number', readonly string[]>> = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'unevaluatedProperties',
    'minProperties',
    'maxProperties',
  ],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems', 'unevaluatedItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};

/** Keywords about values of all types. */
export const generalKeywords = ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref'] as const;

/** Keywords that change nothing about what is valid. */
export const annotations: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$anchor',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'example',
  'deprecated',
  'discriminator',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
]);

const known: ReadonlySet<string> = new Set([
  ...generalKeywords,
  ...Object.values(keywordsOfType).flat(),
  ...annotations,
]);

/** @throws SchemaError for what is no schema, and for a keyword that nothing here knows. */
export function asSchema(value: unknown, keyword: string): SchemaObject | boolean {
  if (typeof value === 'boolean') return value;
  if (!isObject(value)) throw malformed(keyword, 'must hold a schema: an object, true or false');
  for (const name of Object.keys(value)) {
    if (!known.has(name) && !name.startsWith('x-')) throw new SchemaError(name, 'is not supported');
  }
  return value;
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The types that a schema names; undefined: it names none. */
export function typesOf(schema: SchemaObject): readonly JsonType[] | undefined {
  const { type } = schema;
  if (type === undefined) return undefined;
  const named: readonly unknown[] = Array.isArray(type) ? type : [type];
  for (const name of named) {
    if (!types.some((known) => known === name)) throw malformed('type', `${preview(name)} is no type of JSON`);
  }
  if (named.length === 0) throw malformed('type', 'must name a type');
  return named as readonly JsonType[];
}

export function typeOfValue(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as JsonType;
}

/** The count that a keyword gives; undefined where it is not there. */
export function countOf(schema: SchemaObject, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(keyword, `${preview(value)} must be a count, 0 or more`);
}

/** The names that `required` lists. */
export function requiredOf({ required }: SchemaObject): readonly string[] {
  if (required === undefined) return [];
  if (Array.isArray(required) && required.every((name) => typeof name === 'string')) return required;
  throw malformed('required', 'must be a list of names');
}

/** A value in a message. */
export function preview(value: unknown): string {
  const written = JSON.stringify(value);
  return written.length > 100 ? `${written.slice(0, 100)}…` : written;
}

export function numberOf(schema: SchemaObject, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw malformed(keyword, `${preview(value)} must be a number`);
}
