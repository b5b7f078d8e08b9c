import type { JsonSchema } from './body-schema.js';

/** What values a schema takes, in one line: `number, 0 to 2`. */
export function typeLine(schema: JsonSchema): string {
  const { anyOf, const: only, enum: values, type } = schema;
  if (Array.isArray(anyOf)) return [...new Set(anyOf.map((each: JsonSchema) => typeLine(each)))].join(' or ');
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(', ');
  switch (type) {
    case 'integer':
    case 'number':
      return `${type === 'integer' ? 'whole number' : 'number'}${range(schema)}`;
    case 'string':
      return `string${span(schema.minLength, schema.maxLength, 'character')}`;
    case 'array':
      return arrayLine(schema);
    case 'object':
      return objectLine(schema);
    case 'boolean':
      return 'true, false';
    case 'null':
      return 'null';
    default:
      return 'anything';
  }
}

function arrayLine({ items, minItems, maxItems }: JsonSchema): string {
  if (maxItems === 0) return 'an empty array';
  const entry = items === undefined ? '' : typeLine(items as JsonSchema);
  return `array${entry === '' || entry === 'anything' ? '' : ` of ${entry.includes(',') ? `(${entry})` : entry}`}${span(minItems, maxItems, 'entry')}`;
}

function objectLine({ properties, maxProperties }: JsonSchema): string {
  const names = Object.entries((properties ?? {}) as Readonly<Record<string, JsonSchema>>).map(([name, property]) =>
    property.const === undefined ? name : `${name}: ${JSON.stringify(property.const)}`,
  );
  const inside = names.length === 0 ? '' : ` {${names.join(', ')}}`;
  return `object${inside}${span(undefined, maxProperties, 'key')}`;
}

/** Whole numbers that JavaScript holds exactly end there; that is no bound to speak of. */
function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const low = bound(minimum) ?? bound(exclusiveMinimum);
  const high = bound(maximum) ?? bound(exclusiveMaximum);
  const above = bound(minimum) === undefined && low !== undefined ? 'above ' : '';
  if (low !== undefined && high !== undefined) return `, ${above}${low} to ${high}`;
  if (low !== undefined) return above === '' ? `, at least ${low}` : `, above ${low}`;
  return high === undefined ? '' : `, at most ${high}`;
}

function bound(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value) < 2 ** 31 - 1 ? value : undefined;
}

function span(low: unknown, high: unknown, unit: string): string {
  const units = (count: unknown) => `${count} ${count === 1 ? unit : unit === 'entry' ? 'entries' : `${unit}s`}`;
  if (typeof low === 'number' && low > 0) {
    return typeof high === 'number' ? `, ${low} to ${units(high)}` : `, at least ${units(low)}`;
  }
  return typeof high === 'number' ? `, at most ${units(high)}` : '';
}
