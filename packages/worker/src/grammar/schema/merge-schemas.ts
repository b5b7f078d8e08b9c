import {
  annotations,
  countOf,
  isObject,
  malformed,
  numberOf,
  requiredOf,
  SchemaError,
  type SchemaObject,
  typesOf,
} from './json-schema.js';

/**
 * One schema for the values that two accept both; undefined where they share no type.
 * @param seesAll what `unevaluated…` of the first covers depends on the second.
 * @throws SchemaError for keywords that do not come together: what each says depends on its own neighbours.
 */
export function mergeSchemas(a: SchemaObject, b: SchemaObject, seesAll = false): SchemaObject | undefined {
  const merged: Record<string, unknown> = { ...a };
  for (const [keyword, value] of Object.entries(b)) {
    const other = merged[keyword];
    if (other === undefined || annotations.has(keyword)) merged[keyword] = value;
    else if (JSON.stringify(other) !== JSON.stringify(value)) merged[keyword] = both(keyword, a, b);
  }
  if (Array.isArray(merged.type) && merged.type.length === 0) return undefined;
  for (const keyword of ['additionalProperties', 'patternProperties', 'items', 'prefixItems']) {
    refuseNeighbours(keyword, a, b);
  }
  for (const keyword of seesAll ? [] : ['unevaluatedProperties', 'unevaluatedItems']) refuseNeighbours(keyword, a, b);
  return merged;
}

function both(keyword: string, a: SchemaObject, b: SchemaObject): unknown {
  const [x, y] = [a[keyword], b[keyword]];
  switch (keyword) {
    case 'type':
      return commonTypes(a, b);
    case 'minimum':
    case 'exclusiveMinimum':
      return Math.max(numberOf(a, keyword)!, numberOf(b, keyword)!);
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return Math.max(countOf(a, keyword)!, countOf(b, keyword)!);
    case 'maximum':
    case 'exclusiveMaximum':
      return Math.min(numberOf(a, keyword)!, numberOf(b, keyword)!);
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return Math.min(countOf(a, keyword)!, countOf(b, keyword)!);
    case 'required':
      return [...new Set([...requiredOf(a), ...requiredOf(b)])];
    case 'properties':
      return mergeProperties(x, y);
    case 'enum':
      if (!Array.isArray(x) || !Array.isArray(y)) throw malformed('enum', 'must be a list');
      return inBoth(x, y);
    default:
      throw new SchemaError(keyword, 'more than once for the same value (allOf, anyOf, $ref) is not supported');
  }
}

function commonTypes(a: SchemaObject, b: SchemaObject): readonly string[] {
  const [x, y] = [typesOf(a) ?? [], typesOf(b) ?? []];
  const accepts = (list: readonly string[], type: string): boolean =>
    list.includes(type) || (type === 'integer' && list.includes('number'));
  return [...new Set([...x.filter((type) => accepts(y, type)), ...y.filter((type) => accepts(x, type))])];
}

function mergeProperties(a: unknown, b: unknown): SchemaObject {
  const [x, y] = [a, b];
  if (!isObject(x) || !isObject(y)) throw malformed('properties', 'must be an object of schemas');
  const joined = Object.entries(y).map(([name, schema]) => [
    name,
    Object.hasOwn(x, name) ? { allOf: [x[name], schema] } : schema,
  ]);
  // Assigned one by one, a property called __proto__ would be none.
  return Object.fromEntries([...Object.entries(x), ...joined]);
}

/** What `keyword` covers depends on what stands beside it in its own schema. */
function refuseNeighbours(keyword: string, a: SchemaObject, b: SchemaObject): void {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    if (one[keyword] === undefined || one[keyword] === true) continue;
    const neighbours = keyword.endsWith('Properties')
      ? ['properties', 'additionalProperties', 'patternProperties']
      : ['items', 'prefixItems'];
    for (const neighbour of neighbours) {
      if (other[neighbour] === undefined || JSON.stringify(other[neighbour]) === JSON.stringify(one[neighbour]))
        continue;
      throw new SchemaError(keyword, `beside another schema's "${neighbour}" (allOf, anyOf, $ref) is not supported`);
    }
  }
}

function inBoth(x: readonly unknown[], y: readonly unknown[]): readonly unknown[] {
  const other = new Set(y.map((value) => JSON.stringify(value)));
  return x.filter((value) => other.has(JSON.stringify(value)));
}
