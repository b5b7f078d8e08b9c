import { numberOf, SchemaError, type SchemaObject } from './json-schema.js';

/** Digits that a double keeps, whatever they are. */
const DIGITS_MAX = 15;
const WRITTEN_MAX = 10 ** DIGITS_MAX - 1;

/** So that every number that is written is a double, and reads back as what it says. */
const anyInteger = `"-"? ("0" | [1-9] [0-9]{0,${DIGITS_MAX - 1}})`;
const anyNumber = `${anyInteger} ("." [0-9]{1,${DIGITS_MAX}})? ([eE] [+-]? [0-9]{1,2})?`;

/** An expression for the integers that a schema allows. */
export function integerEbnf(schema: SchemaObject): string {
  requireMultipleOfOne(schema);
  const { least, most } = integerBounds(schema);
  if (least === undefined && most === undefined) return anyInteger;
  return orNothing(integersBetween(least, most));
}

/** An expression for the numbers that a schema allows, integers included; bounded ones without an exponent. */
export function numberEbnf(schema: SchemaObject): string {
  if (schema.multipleOf !== undefined) return integerEbnf(schema);
  const { least, most } = integerBounds(schema);
  if (least === undefined && most === undefined) return anyNumber;
  // Between two integers that are allowed everything is. From 0 up the digits behind the point go up, below it down.
  const fraction = `"." [0-9]{1,${DIGITS_MAX}}`;
  const up = integersBetween(Math.max(0, least ?? 0), most === undefined ? undefined : most - 1);
  const down = integersBetween(Math.max(0, -(most ?? 0)), least === undefined ? undefined : -least - 1);
  const options = [
    integersBetween(least, most),
    up && `(${up}) ${fraction}`,
    down && `"-" (${down}) ${fraction}`,
  ].filter((option) => option !== undefined);
  return orNothing(options.join(' | ') || undefined);
}

function integerBounds(schema: SchemaObject): { least: number | undefined; most: number | undefined } {
  const [minimum, maximum] = [numberOf(schema, 'minimum'), numberOf(schema, 'maximum')];
  const [above, below] = [numberOf(schema, 'exclusiveMinimum'), numberOf(schema, 'exclusiveMaximum')];
  const lows = [minimum === undefined ? [] : Math.ceil(minimum), above === undefined ? [] : Math.floor(above) + 1];
  const highs = [maximum === undefined ? [] : Math.floor(maximum), below === undefined ? [] : Math.ceil(below) - 1];
  const [least, most] = [Math.max(...lows.flat()), Math.min(...highs.flat())];
  for (const [keyword, bound] of [
    [schema.minimum === undefined ? 'exclusiveMinimum' : 'minimum', least],
    [schema.maximum === undefined ? 'exclusiveMaximum' : 'maximum', -most],
  ] as const) {
    if (Number.isFinite(bound) && bound > WRITTEN_MAX) {
      throw new SchemaError(keyword, `leaves only numbers of more than ${DIGITS_MAX} digits, which is not supported`);
    }
  }
  // Bounds further out, as those of all integers that a double keeps, bound nothing that is written here.
  return {
    least: Number.isFinite(least) ? Math.max(least, -WRITTEN_MAX) : undefined,
    most: Number.isFinite(most) ? Math.min(most, WRITTEN_MAX) : undefined,
  };
}

function requireMultipleOfOne(schema: SchemaObject): void {
  const step = numberOf(schema, 'multipleOf');
  if (step !== undefined && !(step > 0 && Number.isInteger(1 / step))) {
    throw new SchemaError('multipleOf', `${step} is not supported; 1 is`);
  }
}

function orNothing(expression: string | undefined): string {
  if (expression !== undefined) return expression;
  throw new SchemaError('minimum', 'and the other bounds leave no integer between them, which is not supported');
}

/** Undefined where there is none. Without a bound, as far as digits go. */
function integersBetween(least: number | undefined, most: number | undefined): string | undefined {
  const [low, high] = [least ?? -WRITTEN_MAX, most ?? WRITTEN_MAX];
  if (low > high) return undefined;
  const options: string[] = [];
  if (low < 0) options.push(`"-" (${naturals(Math.max(1, -high), -low).join(' | ')})`);
  if (high >= 0) options.push(...naturals(Math.max(0, low), high));
  return options.join(' | ');
}

/** Numbers of as many digits at a time; all of several lengths in one, since the library errs on long lists of them. */
function naturals(low: number, high: number): string[] {
  const options: string[] = [];
  if (low === 0) options.push('"0"');
  let whole: { from: number; to: number } | undefined;
  for (let digits = String(Math.max(1, low)).length; digits <= String(high).length; digits++) {
    const [least, most] = [10 ** (digits - 1), 10 ** digits - 1];
    if (low <= least && high >= most) whole = { from: whole?.from ?? digits, to: digits };
    else options.push(...sameLength(String(Math.max(low, least)), String(Math.min(high, most))));
  }
  if (whole !== undefined) options.push(`[1-9] [0-9]{${whole.from - 1},${whole.to - 1}}`);
  return options;
}

/** All digit strings from one to another of the same length. */
function sameLength(low: string, high: string): string[] {
  if (low === '') return ['""'];
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const anyRest = lowRest.length === 0 ? '' : ` [0-9]{${lowRest.length}}`;
  if (first === last) return sameLength(lowRest, highRest).map((rest) => joined(String(first), rest));
  const lowIsWhole = /^0*$/.test(lowRest);
  const highIsWhole = /^9*$/.test(highRest);
  const options: string[] = [];
  if (!lowIsWhole)
    options.push(...sameLength(lowRest, '9'.repeat(lowRest.length)).map((rest) => joined(String(first), rest)));
  const from = lowIsWhole ? first : first + 1;
  const to = highIsWhole ? last : last - 1;
  if (from <= to) options.push(`[${from}-${to}]${anyRest}`);
  if (!highIsWhole)
    options.push(...sameLength('0'.repeat(highRest.length), highRest).map((rest) => joined(String(last), rest)));
  return options;
}

function joined(digit: string, rest: string): string {
  return rest === '""' ? `"${digit}"` : `"${digit}" ${rest}`;
}
