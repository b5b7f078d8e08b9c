import { z } from 'zod';
import { shapeOf } from '../api/checked-by-hand.js';
import type { IsNeutral } from '../api/unsupported-fields.js';

export type JsonSchema = { readonly [keyword: string]: unknown };

/** What an endpoint reads: the schema that checks it, and the fields that it knows and does not do. */
export interface RequestBody {
  readonly schema: z.ZodType;
  readonly unsupported?: Readonly<Record<string, IsNeutral>>;
}

/** What is done with a field. */
export type FieldKind = 'supported' | 'neutral' | 'refused';

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly isRequired: boolean;
  /** Of a neutral field: of the values that it may have. */
  readonly schema: JsonSchema;
}

/** The fields of a body: those that it needs, the others that work, and those that do not. */
export function fieldsOf({ schema, unsupported = {} }: RequestBody): readonly Field[] {
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  const supported = Object.entries(properties)
    .map(([name, field]): Field => ({ name, kind: 'supported', isRequired: required.includes(name), schema: field }))
    .sort((a, b) => Number(b.isRequired) - Number(a.isRequired));
  const others = Object.entries(unsupported)
    .filter(([name]) => !Object.hasOwn(properties, name))
    .map(
      ([name, { values }]): Field => ({
        name,
        kind: values === undefined ? 'refused' : 'neutral',
        isRequired: false,
        schema: values ?? {},
      }),
    );
  return [...supported, ...others];
}

/** What a schema takes, as JSON Schema 2020-12, with the shapes of what is checked by hand. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: made }) => {
      // Of a pipe only the front would be shown, which is often no more than the length of an array.
      const { def } = zodSchema._zod;
      if (def.type === 'pipe' && def.out._zod.def.type !== 'transform')
        Object.assign(made, jsonSchema(def.out as z.ZodType));
      const shape = shapeOf(zodSchema);
      if (shape === undefined) return;
      for (const keyword of Object.keys(made)) delete made[keyword as keyof typeof made];
      Object.assign(made, jsonSchema(shape));
    },
  });
  return rest;
}
