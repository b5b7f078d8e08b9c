import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { createBinding } from '../io/grammar-library.js';
import { SchemaError } from './json-schema.js';
import { schemaEbnf } from './schema-ebnf.js';

/** `a` accepts nothing, which shows only behind `b`, which names it. */
const emptyAround = {
  $defs: {
    a: { type: 'object', properties: { b: { $ref: '#/$defs/b' }, x: false }, required: ['b', 'x'] },
    b: { type: 'object', properties: { a: { $ref: '#/$defs/a' } } },
  },
  properties: { p: { $ref: '#/$defs/a' }, q: { $ref: '#/$defs/b' } },
};

describe('schemaEbnf', () => {
  it('lets numbers within their bounds through and no others', async () => {
    const rng = seededRng(5, 0);
    const number = (spread: number): number => Math.floor((rng.next() - 0.4) * spread);
    for (let round = 0; round < 25; round++) {
      const spread = 10 ** (1 + (round % 6));
      const [a, b] = [number(spread), number(spread)];
      const [minimum, maximum] = [Math.min(a, b), Math.max(a, b)];
      const bounds = [{ minimum }, { maximum }, { minimum, maximum }][round % 3]!;
      for (const type of ['integer', 'number']) {
        const accepts = await matcherOf({ type, ...bounds });
        const values = [minimum - 1, minimum, minimum + 1, maximum - 1, maximum, maximum + 1, 0, 1, 10, number(spread)];
        for (const value of values) {
          const isIn = value >= (bounds.minimum ?? value) && value <= (bounds.maximum ?? value);
          expect(accepts(String(value)), `${type} ${JSON.stringify(bounds)}: ${value}`).toBe(isIn);
          expect(accepts(`0${value}`), `0${value}`).toBe(false);
          const fraction = value + (value < 0 ? -0.5 : 0.5);
          if (accepts(String(fraction))) {
            expect(type, String(fraction)).toBe('number');
            expect(fraction >= (bounds.minimum ?? fraction) && fraction <= (bounds.maximum ?? fraction)).toBe(true);
          }
        }
      }
    }
  });

  const same: Record<string, { schema: unknown; yes: string[]; no: string[] }> = {
    'properties in their order, the optional ones or not': {
      schema: { properties: { a: { type: 'integer' }, b: { type: 'null' }, c: { type: 'boolean' } }, required: ['b'] },
      yes: ['{"b": null}', '{"a": 1, "b": null}', '{"b": null, "c": true}', '{"a": 1, "b": null, "c": false}'],
      no: ['{}', '{"a": 1}', '{"b": null, "a": 1}', '{"b": null, "d": 1}', '{"b":null}', '{"b": null}x'],
    },
    'other properties under other names': {
      schema: { properties: { ab: { type: 'null' } }, additionalProperties: { type: 'integer' } },
      yes: ['{}', '{"ab": null, "a": 1}', '{"abc": 1, "": 2}', '{"b": 1}'],
      no: ['{"ab": 1}', '{"ab": null, "ab": 1}', '{"abc": null}'],
    },
    'lists within their bounds': {
      schema: {
        prefixItems: [{ type: 'null' }, { type: 'boolean' }],
        items: { type: 'integer' },
        minItems: 1,
        maxItems: 4,
      },
      yes: ['[null]', '[null, true]', '[null, true, 1, 2]'],
      no: ['[]', '[true]', '[null, 1]', '[null, true, 1, 2, 3]', '[null,true]'],
    },
    'bounds beyond what is written, as those of all integers': {
      schema: { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
      yes: ['0', '-999999999999999', '999999999999999'],
      no: ['1000000000000000', '1.5', '1e3'],
    },
    'names that patterns match': {
      schema: {
        properties: { ab: {}, b: {} },
        patternProperties: { '^(a+)+b?$': { type: 'null' }, b$: { enum: [null, 1] } },
        required: ['ab', 'b'],
      },
      yes: ['{"ab": null, "b": 1}', '{"ab": null, "b": null}'],
      no: ['{"ab": 1, "b": 1}', '{"ab": null, "b": 2}'],
    },
    'models within models, as pydantic writes them': {
      schema: {
        $defs: {
          Node: {
            title: 'Node',
            type: 'object',
            properties: {
              next: { anyOf: [{ $ref: '#/$defs/Node' }, { type: 'null' }], default: null },
              kind: { $ref: '#/$defs/Kind', description: 'Its kind' },
            },
            required: ['kind'],
          },
          Kind: { enum: ['x', 'y'], type: 'string' },
        },
        $ref: '#/$defs/Node',
      },
      yes: [
        '{"kind": "x"}',
        '{"next": null, "kind": "x"}',
        '{"next": {"next": {"kind": "y"}, "kind": "x"}, "kind": "y"}',
      ],
      no: ['{}', '{"next": {}, "kind": "x"}', '{"next": {"kind": "z"}, "kind": "x"}'],
    },
    'values that hold themselves': {
      schema: { $ref: '#/$defs/tree', $defs: { tree: { type: 'array', items: { $ref: '#/$defs/tree' } } } },
      yes: ['[]', '[[], [[]]]'],
      no: ['[1]', '[[]'],
    },
    'strings as JSON writes them': {
      schema: { type: 'string' },
      yes: ['""', '"é😀"', '"\\n\\""', '"\\u00e9"'],
      no: ['"', '"a', '"\n"', '"\\x"', '"\\ud800"', '"a"b"'],
    },
    'patterns anywhere in the string, quotes escaped': {
      schema: { type: 'string', pattern: 'b+["\\\\]$' },
      yes: ['"abb\\""', '"b\\\\"'],
      no: ['"bb"', '"b"', '"a\\""'],
    },
    'what two schemas allow': {
      schema: {
        allOf: [
          { type: ['integer', 'string'], minimum: 3 },
          { type: 'number', maximum: 5 },
        ],
      },
      yes: ['3', '4', '5'],
      no: ['2', '6', '"a"', '3.5'],
    },
    'one of several that are apart': {
      schema: {
        oneOf: [
          { type: 'object', properties: { kind: { const: 'a' }, n: { type: 'integer' } }, required: ['kind', 'n'] },
          { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] },
        ],
      },
      yes: ['{"kind": "a", "n": 1}', '{"kind": "b"}'],
      no: ['{"kind": "a"}', '{"kind": "c"}'],
    },
    'constants, as they are listed': {
      schema: { enum: ['a"', 1, { a: [1, null] }, 'x'], type: ['string', 'object'] },
      yes: ['"a\\""', '{"a": [1, null]}', '"x"'],
      no: ['1', '"y"'],
    },
    'lengths in characters': {
      schema: { type: 'string', minLength: 2, maxLength: 3 },
      yes: ['"aé"', '"😀😀😀"'],
      no: ['"a"', '"abcd"'],
    },
  };
  for (const [name, { schema, yes, no }] of Object.entries(same)) {
    it(`writes ${name}`, async () => {
      const accepts = await matcherOf(schema);
      expect(yes.filter((text) => !accepts(text))).toEqual([]);
      expect(no.filter((text) => accepts(text))).toEqual([]);
    });
  }

  it.each([
    [{ not: {} }, '"not" is not supported'],
    [{ properties: { a: { items: { contains: {} } } } }, '"contains" is not supported, at /properties/a/items'],
    [{ $defs: { a: { if: {} } }, $ref: '#/$defs/a' }, '"if" is not supported'],
    [{ type: 'string', maxLength: 65_537 }, '"maxLength" 65537 is not supported; at most 65536 is'],
    [{ type: 'string', minLength: 200, maxLength: 150 }, '"minLength" 200 is above maxLength 150'],
    [{ type: 'string', pattern: '(?=a)' }, '"pattern" "(?=a)": look-ahead at character 3 is not supported'],
    [{ $ref: 'other.json' }, '"$ref" "other.json" leads out of the schema, which is not supported'],
    [{ $ref: '#/a' }, '"$ref" "#/a" leads nowhere'],
    [{ $ref: '#' }, '"$ref" nests more than 32 schemas for one value, or leads to itself'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, '"oneOf" of schemas that may accept the same value'],
    [{ type: 'strong' }, '"type" "strong" is no type of JSON'],
    [{ multipleOf: 3 }, '"multipleOf" 3 is not supported; 1 is'],
    [{ type: 'integer', exclusiveMinimum: 1e15 }, '"exclusiveMinimum" leaves only numbers of more than 15 digits'],
    [{ type: 'number', maximum: -1e300 }, '"maximum" leaves only numbers of more than 15 digits'],
    [{ minimum: Number.POSITIVE_INFINITY }, '"minimum" null must be a number'],
    [{ allOf: [{ minimum: 1 }, { minimum: '2' }] }, '"minimum" "2" must be a number'],
    [{ allOf: [{ required: ['a'] }, { required: 5 }] }, '"required" must be a list of names'],
    [{ allOf: [{ enum: [1] }, { enum: {} }] }, '"enum" must be a list'],
    [{ type: 'object', required: [{ toString: 1 }] }, '"required" must be a list of names'],
    [{ type: 'string', format: { toString: 1 } }, '"format" must be a string'],
    [{ properties: { a: {} }, patternProperties: { '(?=a)': {} } }, '"patternProperties" "(?=a)": look-ahead'],
    [
      { properties: { a: { $ref: '#' } }, required: ['a'] },
      '"$ref" to a schema whose values must hold values of its own',
    ],
    [
      { additionalProperties: true, properties: { ['a'.repeat(60_000)]: {} } },
      '"additionalProperties" beside a name of 60000',
    ],
    [{ prefixItems: Array.from({ length: 10_000 }, () => ({})) }, '"prefixItems" of 10000 schemas is not supported'],
    [
      { type: 'array', minItems: 4_096, items: { const: 'a'.repeat(50) } },
      '"json_schema" has no text that is shorter than',
    ],
    [{ oneOf: Array.from({ length: 5_000 }, (_, i) => ({ const: i })) }, '"oneOf" gives 5000 alternatives'],
    [emptyAround, '"$ref" to a schema around it that accepts no value is not supported'],
    [false, '"json_schema" accepts no value at all'],
  ])('refuses %j', (schema, message) => {
    expect(() => schemaEbnf(schema)).toThrow(SchemaError);
    expect(() => schemaEbnf(schema)).toThrow(message);
  });
});

/** Whether a text is one of the grammar's, to the end. */
async function matcherOf(schema: unknown): Promise<(text: string) => boolean> {
  const binding = await createBinding();
  const tokens = binding.vecStringFromJSArray(['a', '']);
  const tokenizer = new binding.TokenizerInfo(tokens, 'RAW', 2, binding.vecIntFromJSArray([1]), false);
  const compiler = new binding.GrammarCompiler(tokenizer, 1, false);
  const compiled = compiler.CompileGrammar(binding.Grammar.FromEBNF(schemaEbnf(schema), 'root'));
  return (text) => {
    const matcher = new binding.GrammarMatcher(compiled, undefined, true, -1);
    const isAccepted = matcher.AcceptString(text, false) && matcher.IsTerminated();
    matcher.delete();
    return isAccepted;
  };
}
