import { Ajv2020 } from 'ajv/dist/2020.js';
import type OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientServer } from './client-server.js';
import { openaiOf } from './openai-client.js';

// Forms that the default model is held to at temperature 1, where it would hardly keep to one by itself: every text is
// checked by something else than what made it.

/** As pydantic writes the schema of a model with models, enums, lists, literals and a union inside. */
const employeeSchema = {
  $defs: {
    Address: {
      properties: {
        street: { maxLength: 10, title: 'Street', type: 'string' },
        zip: { anyOf: [{ pattern: '^[0-9]{5}$', type: 'string' }, { type: 'null' }], default: null, title: 'Zip' },
      },
      required: ['street'],
      title: 'Address',
      type: 'object',
    },
    Cat: {
      properties: {
        kind: { const: 'cat', title: 'Kind', type: 'string' },
        lives: { maximum: 9, minimum: 1, type: 'integer' },
      },
      required: ['kind', 'lives'],
      title: 'Cat',
      type: 'object',
    },
    Dog: {
      properties: { kind: { const: 'dog', title: 'Kind', type: 'string' }, barks: { title: 'Barks', type: 'boolean' } },
      required: ['kind', 'barks'],
      title: 'Dog',
      type: 'object',
    },
    Part: {
      properties: {
        size: { enum: [1, 2, 3], title: 'Size', type: 'integer' },
        made_for: { anyOf: [{ $ref: '#/$defs/Role' }, { type: 'null' }] },
      },
      required: ['size', 'made_for'],
      title: 'Part',
      type: 'object',
    },
    Role: { enum: ['admin', 'user', 'guest'], title: 'Role', type: 'string' },
  },
  properties: {
    name: { description: 'Of the employee', maxLength: 10, title: 'Name', type: 'string' },
    role: { $ref: '#/$defs/Role', default: 'user', description: 'May do more or less' },
    address: { anyOf: [{ $ref: '#/$defs/Address' }, { type: 'null' }], default: null },
    pet: {
      discriminator: { mapping: { cat: '#/$defs/Cat', dog: '#/$defs/Dog' }, propertyName: 'kind' },
      oneOf: [{ $ref: '#/$defs/Cat' }, { $ref: '#/$defs/Dog' }],
      title: 'Pet',
    },
    scores: {
      items: { exclusiveMaximum: 10, exclusiveMinimum: 0, type: 'integer' },
      maxItems: 3,
      minItems: 1,
      title: 'Scores',
      type: 'array',
    },
    point: { maxItems: 2, minItems: 2, prefixItems: [{ type: 'boolean' }, { enum: ['a', 'b'] }], type: 'array' },
    part: { $ref: '#/$defs/Part' },
  },
  required: ['name', 'role', 'pet', 'scores', 'point', 'part'],
  title: 'Employee',
  type: 'object',
};
const lookup = {
  type: 'function' as const,
  function: {
    name: 'look_up',
    description: 'Finds an employee',
    parameters: {
      $defs: employeeSchema.$defs,
      type: 'object',
      properties: { role: { $ref: '#/$defs/Role' }, part: { anyOf: [{ $ref: '#/$defs/Part' }, { type: 'null' }] } },
      required: ['role', 'part'],
      additionalProperties: false,
    },
  },
};
const messages = [{ role: 'user' as const, content: 'Tell me about an employee.' }];
const regex = '[A-Z][a-z]{2,6} (?:is|was) [0-9]{1,2} years old(?:\\.|!)';
const choice = ['engineer', 'engine driver', 'baker'];

export function structuredOutputs(server: () => ClientServer): void {
  const ajv = new Ajv2020({ strict: false });
  const isEmployee = ajv.compile(employeeSchema);
  const isLookup = ajv.compile(lookup.function.parameters);
  let client: OpenAI;
  let model: string;
  beforeAll(() => {
    client = openaiOf(server());
    model = server().model;
  });

  /** Both answers to one question, and why they ended. */
  const ask = async (seed: number, isStreamed: boolean, extra: object) => {
    const wanted = { model, messages, temperature: 1, seed, n: 2, max_tokens: 300, ...extra };
    const { choices } = isStreamed
      ? await client.chat.completions.stream(wanted).finalChatCompletion()
      : await client.chat.completions.create(wanted);
    return choices.map(({ message, finish_reason }) => ({ message, reason: finish_reason }));
  };
  /** Of several seeds, each streamed and not. */
  const askAll = async (seeds: readonly number[], extra: object) => {
    const rounds = seeds.flatMap((seed) => [ask(seed, false, extra), ask(seed, true, extra)]);
    return (await Promise.all(rounds)).flat();
  };

  describe('forms at temperature 1', () => {
    it('a schema as pydantic writes it: every answer follows it, two to a question, streamed and not', async () => {
      const format = { type: 'json_schema', json_schema: { name: 'employee', schema: employeeSchema, strict: true } };
      const answers = await askAll([1, 2], { response_format: format });
      expect(answers).toHaveLength(8);
      for (const { message, reason } of answers) {
        const text = message.content ?? '';
        expect(reason, text).toBe('stop');
        expect(isEmployee(JSON.parse(text)), `${text} ${ajv.errorsText(isEmployee.errors)}`).toBe(true);
      }
      expect(new Set(answers.map(({ message }) => message.content)).size).toBeGreaterThan(2);
    });

    it('an expression and a choice: every answer is one of theirs', async () => {
      const [matching, chosen] = await Promise.all([
        askAll([1, 2, 3], { guided_regex: regex }),
        askAll([1, 2, 3], { guided_choice: choice }),
      ]);
      for (const { message, reason } of matching) {
        expect(message.content).toMatch(new RegExp(`^(?:${regex})$`));
        expect(reason).toBe('stop');
      }
      for (const { message } of chosen) expect(choice).toContain(message.content);
    });

    it('a schema within itself: every answer follows it as far as it goes', async () => {
      const schema = {
        $defs: {
          Node: { properties: { next: { anyOf: [{ $ref: '#/$defs/Node' }, { type: 'null' }] } }, required: ['next'] },
        },
        $ref: '#/$defs/Node',
      };
      // The model may go down and down: what was cut has to be a beginning.
      for (const { message } of await askAll([1, 2], { guided_json: schema, max_tokens: 24 })) {
        const text = message.content ?? '';
        const depth = text.split('{').length - 1;
        expect(depth, text).toBeGreaterThan(0);
        expect(`${'{"next": '.repeat(depth)}null${'}'.repeat(depth)}`.startsWith(text), text).toBe(true);
      }
    });

    it('a tool that must be called: arguments follow its schema, references included', async () => {
      const extra = { tools: [lookup], tool_choice: 'required', parallel_tool_calls: false };
      const answers = await askAll([1, 2], extra);
      expect(answers).toHaveLength(8);
      for (const { message, reason } of answers) {
        expect(reason, JSON.stringify(message)).toBe('tool_calls');
        const [call, ...others] = message.tool_calls ?? [];
        if (call?.type !== 'function') throw new Error(`no call: ${JSON.stringify(message)}`);
        expect(others).toEqual([]);
        expect(call.function.name).toBe('look_up');
        expect(isLookup(JSON.parse(call.function.arguments)), call.function.arguments).toBe(true);
      }
    });
  });
}
