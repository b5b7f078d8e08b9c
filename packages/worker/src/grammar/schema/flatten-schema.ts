import {
  asSchema,
  malformed,
  requiredOf,
  SchemaError,
  type SchemaObject,
  typeOfValue,
  typesOf,
} from './json-schema.js';
import { mergeSchemas } from './merge-schemas.js';
import type { References } from './references.js';
import type { WorkLimit } from './work-limit.js';

const DEPTH_MAX = 32;
const ALTERNATIVES_MAX = 256;
/** Of {@link WorkLimit}, for two schemas that are merged. */
const PAIR_UNITS = 8;

/**
 * The same values as alternatives without `$ref`, `allOf`, `anyOf` and `oneOf`; none where nothing is valid.
 * @throws SchemaError where alternatives of a `oneOf` may overlap, or there are too many of them.
 */
export function flattenSchema(
  value: unknown,
  keyword: string,
  references: References,
  work: WorkLimit,
  depth = 0,
): SchemaObject[] {
  work.spend(1);
  const schema = asSchema(value, keyword);
  if (typeof schema === 'boolean') return schema ? [{}] : [];
  if (depth > DEPTH_MAX)
    throw new SchemaError(keyword, `nests more than ${DEPTH_MAX} schemas for one value, or leads to itself`);
  const { $ref, allOf, anyOf, oneOf, unevaluatedProperties, unevaluatedItems, ...rest } = schema;
  const flat = (part: unknown, inside: string): SchemaObject[] =>
    flattenSchema(part, inside, references, work, depth + 1);
  const product = (
    a: readonly SchemaObject[],
    b: readonly SchemaObject[],
    by: string,
    seesAll = false,
  ): SchemaObject[] => {
    work.spend(PAIR_UNITS * a.length * b.length);
    return productOf(a, b, by, seesAll);
  };
  let alternatives: SchemaObject[] = [rest];
  if ($ref !== undefined) alternatives = product(alternatives, flat(references.resolve($ref), '$ref'), '$ref');
  for (const part of listOf(allOf, 'allOf')) alternatives = product(alternatives, flat(part, 'allOf'), 'allOf');
  if (anyOf !== undefined) {
    const options = listOf(anyOf, 'anyOf').flatMap((part) => flat(part, 'anyOf'));
    alternatives = product(alternatives, options, 'anyOf');
  }
  if (oneOf !== undefined) {
    const options = listOf(oneOf, 'oneOf').map((part) => flat(part, 'oneOf'));
    alternatives = product(alternatives, options.flat(), 'oneOf');
    work.spend(options.length ** 2 / 16);
    requireApart(options.map((option) => product([rest], option, 'oneOf')));
  }
  // They see what all the others cover, and no others see what they do.
  const outer = Object.entries({ unevaluatedProperties, unevaluatedItems }).filter(([, value]) => value !== undefined);
  return outer.length === 0 ? alternatives : product([Object.fromEntries(outer)], alternatives, '$ref', true);
}

function listOf(value: unknown, keyword: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.length > 0) return value;
  throw malformed(keyword, 'must be a list of schemas');
}

function productOf(
  a: readonly SchemaObject[],
  b: readonly SchemaObject[],
  keyword: string,
  seesAll: boolean,
): SchemaObject[] {
  if (a.length * b.length > ALTERNATIVES_MAX) {
    throw new SchemaError(
      keyword,
      `gives ${a.length * b.length} alternatives; at most ${ALTERNATIVES_MAX} are supported`,
    );
  }
  const merged = a.flatMap((one) => b.map((other) => mergeSchemas(one, other, seesAll)));
  return merged.filter((schema) => schema !== undefined);
}

/** Exactly one has to accept a value: only where no value fits two is that the same as any of them. */
function requireApart(options: readonly SchemaObject[][]): void {
  for (const [index, one] of options.entries()) {
    for (const other of options.slice(index + 1)) {
      if (one.every((a) => other.every((b) => areApart(a, b)))) continue;
      const problem =
        'of schemas that may accept the same value is not supported: give them other types, or a property with other constants that both require';
      throw new SchemaError('oneOf', problem);
    }
  }
}

/** Whether it is sure that no value fits both. */
function areApart(a: SchemaObject, b: SchemaObject, depth = 0): boolean {
  const [x, y] = [valuesOf(a), valuesOf(b)];
  if (x !== undefined && y !== undefined) return x.every((value) => !y.includes(value));
  const [p, q] = [kindsOf(a), kindsOf(b)];
  if (p !== undefined && q !== undefined && [...p].every((kind) => !q.has(kind))) return true;
  if (depth > 2 || !isOnlyObject(a) || !isOnlyObject(b)) return false;
  return requiredOf(a).some((name) => {
    const [u, v] = [propertyOf(a, name), propertyOf(b, name)];
    return requiredOf(b).includes(name) && u !== undefined && v !== undefined && areApart(u, v, depth + 1);
  });
}

function valuesOf(schema: SchemaObject): readonly string[] | undefined {
  const values = schema.const !== undefined ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : undefined;
  return values?.map((value) => JSON.stringify(value));
}

/** Integers are numbers. */
function kindsOf(schema: SchemaObject): ReadonlySet<string> | undefined {
  const values: readonly unknown[] | undefined =
    schema.const !== undefined ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : undefined;
  const named = typesOf(schema) ?? values?.map(typeOfValue);
  return named && new Set(named.map((type) => (type === 'integer' ? 'number' : type)));
}

function isOnlyObject(schema: SchemaObject): boolean {
  const named = typesOf(schema);
  return named?.length === 1 && named[0] === 'object';
}

function propertyOf({ properties }: SchemaObject, name: string): SchemaObject | undefined {
  const found = (properties as Record<string, unknown> | undefined)?.[name];
  if (typeof found !== 'object' || found === null) return undefined;
  const schema = found as SchemaObject;
  return ['$ref', 'anyOf', 'oneOf', 'allOf'].some((keyword) => schema[keyword] !== undefined) ? undefined : schema;
}
