import { z } from 'zod';
import { parametersSchema, toolName } from '../../tools/chat-tools.js';
import { noParameters, TOOLS_MAX, type ToolChoice, type ToolUse, toolUse } from '../../tools/tool-use.js';
import { checkedByHand } from '../checked-by-hand.js';
import { wellFormedString } from '../generation-fields.js';
import { readKind } from '../read-kind.js';

const toolSchema = z.strictObject({
  type: z.literal('function'),
  name: toolName,
  description: wellFormedString.max(65_536).nullish(),
  parameters: parametersSchema.nullish(),
  /** As published, true where it is not said, unlike in the older API. */
  strict: z.boolean().nullish(),
  allowed_callers: z.array(z.literal('direct')).nullish(),
  defer_loading: z.literal(false).nullish(),
});
const namedSchema = z.strictObject({ type: z.literal('function'), name: toolName });
const allowedSchema = z.strictObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: z.array(z.unknown()).min(1).max(TOOLS_MAX).pipe(z.array(namedSchema)),
});
const modes = z.enum(['auto', 'none', 'required']);

/** The fields of `POST /v1/responses` that are about tools. */
export const toolFields = {
  tools: checkedByHand(z.array(z.unknown()).max(TOOLS_MAX), z.array(toolSchema).max(TOOLS_MAX)).optional(),
  tool_choice: checkedByHand(
    z.union([modes, z.looseObject({})]),
    z.union([modes, namedSchema, allowedSchema]),
  ).optional(),
  parallel_tool_calls: z.boolean().optional(),
};

const allFields = z.strictObject(toolFields);

/** What a response says of its tools, in the published names. */
export interface ToolEcho {
  readonly tools: readonly object[];
  readonly tool_choice: unknown;
  readonly parallel_tool_calls: boolean;
}

/**
 * What these fields ask for, `use` being undefined where no tool may be called, and what the response repeats of them.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function readToolFields(fields: z.output<typeof allFields>): {
  readonly use: ToolUse | undefined;
  readonly echo: ToolEcho;
} {
  const given = fields.tools?.map((tool, index) => readKind(tool, `tools[${index}]`, { function: toolSchema })) ?? [];
  const tools = given.map(({ type, name, description = null, parameters = null, strict }) => {
    return { type, name, description, parameters, strict: strict ?? true };
  });
  const { tool_choice = 'auto', parallel_tool_calls = true } = fields;
  const functions = tools.map(({ name, description, parameters, strict }) => {
    return { name, description: description ?? undefined, parameters: parameters ?? noParameters, isStrict: strict };
  });
  return {
    use: toolUse(functions, readChoice(tool_choice), parallel_tool_calls),
    echo: { tools, tool_choice, parallel_tool_calls },
  };
}

function readChoice(given: z.output<typeof modes> | object): ToolChoice {
  if (typeof given === 'string') return { kind: given };
  const choice = readKind(given, 'tool_choice', { function: namedSchema, allowed_tools: allowedSchema });
  if (choice.type === 'function') return { kind: 'named', name: choice.name };
  return { kind: 'only', mode: choice.mode, names: choice.tools.map(({ name }) => name) };
}
