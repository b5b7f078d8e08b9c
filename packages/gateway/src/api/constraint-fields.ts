import type { ConstraintInit } from '@sluice/proto';
import { unreachable } from '@sluice/shared';
import { z } from 'zod';
import { checkedByHand } from './checked-by-hand.js';
import { errorFromIssues, fieldError, preview } from './field-error.js';
import { isShallow, tooDeep } from './nesting.js';
import { wellFormedString } from './well-formed.js';

/** What the text of an answer has to be, and the field that said so. */
export interface AskedConstraint {
  readonly field: string;
  readonly constraint: ConstraintInit;
}

/** UTF-16 units of a schema, an expression or a grammar, as it goes to a worker. */
const sourceMax = 262_144;
const choicesMax = 1_024;

const source = wellFormedString.min(1).max(sourceMax);
const schemaObject = z.record(z.string(), z.unknown());
/** vLLM takes a schema as JSON too. */
const schemaOrJson = z.union([schemaObject, source]);
const choices = z.array(wellFormedString.min(1).max(4_096)).min(1).max(choicesMax);
/** An array's length comes first, so that a million bad entries cost one look. */
const choice = checkedByHand(z.array(z.unknown()).min(1).max(choicesMax), choices).pipe(choices);

const jsonSchemaFormat = z.strictObject({
  type: z.literal('json_schema'),
  json_schema: z.strictObject({
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, { error: 'must have 1 to 64 letters, digits, "_" and "-"' }),
    description: wellFormedString.max(65_536).nullish(),
    schema: schemaObject.nullish(),
    /** Answers follow the schema either way. */
    strict: z.boolean().nullish(),
  }),
});
const plainFormat = z.strictObject({ type: z.enum(['text', 'json_object']) });

const formOfOutput = z.strictObject({
  json: schemaOrJson.nullish(),
  json_object: z.boolean().nullish(),
  regex: source.nullish(),
  choice: choice.nullish(),
  grammar: source.nullish(),
  structural_tag: source.nullish(),
});

/** Fields that say what the text of an answer has to be: OpenAI's, and vLLM's of now and of before. */
export const constraintFields = {
  response_format: checkedByHand(
    z.looseObject({ type: z.enum(['text', 'json_object', 'json_schema']) }),
    z.union([plainFormat, jsonSchemaFormat]),
  ).optional(),
  guided_json: schemaOrJson.optional(),
  guided_regex: source.optional(),
  guided_choice: choice.optional(),
  guided_grammar: source.optional(),
  structured_outputs: formOfOutput.optional(),
};

const allFields = z.strictObject(constraintFields);
type ConstraintFields = z.output<typeof allFields>;

/**
 * What these fields ask for; undefined: any text.
 * @throws ServingError `invalid_request` for two of them, and for a schema that is none.
 */
export function readConstraint(fields: ConstraintFields): AskedConstraint | undefined {
  const { json, json_object, regex, choice: texts, grammar, structural_tag } = fields.structured_outputs ?? {};
  const asked = [
    ...readResponseFormat(fields.response_format),
    ...optional(fields.guided_json, (schema) => schemaConstraint('guided_json', schema)),
    ...sourceConstraint('guided_regex', 'regex', fields.guided_regex),
    ...choiceConstraint('guided_choice', fields.guided_choice),
    ...sourceConstraint('guided_grammar', 'grammar', fields.guided_grammar),
    ...optional(json, (schema) => schemaConstraint('structured_outputs.json', schema)),
    ...(json_object ? [anyObject('structured_outputs.json_object')] : []),
    ...sourceConstraint('structured_outputs.regex', 'regex', regex),
    ...choiceConstraint('structured_outputs.choice', texts),
    ...sourceConstraint('structured_outputs.grammar', 'grammar', grammar),
    ...sourceConstraint('structured_outputs.structural_tag', 'structuralTag', structural_tag),
  ];
  const [first, second] = asked;
  if (first !== undefined && second !== undefined) {
    throw fieldError(second.field, `must not come with ${first.field}: a text has one form`);
  }
  return first;
}

function readResponseFormat(format: ConstraintFields['response_format']): AskedConstraint[] {
  const field = 'response_format';
  if (format === undefined) return [];
  const parsed = (format.type === 'json_schema' ? jsonSchemaFormat : plainFormat).safeParse(format);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, format, field);
  const { data } = parsed;
  switch (data.type) {
    case 'text':
      return [];
    case 'json_object':
      return [anyObject(field)];
    case 'json_schema': {
      const { schema } = data.json_schema;
      return [schema ? schemaConstraint(`${field}.json_schema.schema`, schema) : anyObject(field)];
    }
    default:
      return unreachable(data);
  }
}

/** @throws ServingError `invalid_request` for what cannot be a schema. */
export function schemaConstraint(field: string, schema: string | object): AskedConstraint {
  const json = typeof schema === 'string' ? checkedJson(field, schema) : writtenJson(field, schema);
  if (json.length > sourceMax) throw fieldError(field, `of ${json.length} characters must have at most ${sourceMax}`);
  return { field, constraint: { form: 'jsonSchema', jsonSchema: json } };
}

function checkedJson(field: string, json: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw fieldError(field, `${preview(json)} must be a JSON schema, as an object or as JSON`);
  }
  requireShallow(field, parsed);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return json;
  throw fieldError(field, `${preview(json)} must be the JSON of an object`);
}

function writtenJson(field: string, schema: object): string {
  requireShallow(field, schema);
  return JSON.stringify(schema);
}

function requireShallow(field: string, schema: unknown): void {
  if (!isShallow(schema)) throw fieldError(field, tooDeep.error);
}

function sourceConstraint(
  field: string,
  form: 'regex' | 'grammar' | 'structuralTag',
  text: string | null | undefined,
): AskedConstraint[] {
  return text === undefined || text === null ? [] : [{ field, constraint: { form, [form]: text } }];
}

function choiceConstraint(field: string, texts: readonly string[] | null | undefined): AskedConstraint[] {
  if (texts === undefined || texts === null) return [];
  return [{ field, constraint: { form: 'choice', choice: { texts: [...texts] } } }];
}

/** Any JSON object. */
export function anyObject(field: string): AskedConstraint {
  return { field, constraint: { form: 'jsonObject', jsonObject: true } };
}

function optional<Value>(value: Value | null | undefined, read: (value: Value) => AskedConstraint): AskedConstraint[] {
  return value === undefined || value === null ? [] : [read(value)];
}
