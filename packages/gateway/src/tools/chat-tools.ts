import { z } from 'zod';
import { wellFormedString } from '../api/generation-fields.js';
import { isShallow, tooDeep } from '../api/nesting.js';
import { noParameters, TOOLS_MAX, type Tool, type ToolChoice, type ToolUse, toolUse } from './tool-use.js';

/** Characters of a tool's description. */
const descriptionMax = 65_536;

export const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, {
  error: 'must have 1 to 64 letters, digits, "_" and "-"',
});

/** A JSON schema whose value is an object. */
export const parametersSchema = z
  .record(z.string(), z.unknown())
  .refine(({ type }) => type === undefined || type === 'object', { error: 'must be a JSON schema of type "object"' })
  .refine(isShallow, tooDeep);

const functionSchema = z.strictObject({
  name: toolName,
  description: wellFormedString.max(descriptionMax).nullish(),
  parameters: parametersSchema.nullish(),
  strict: z.boolean().nullish(),
});
const toolSchema = z.strictObject({ type: z.literal('function'), function: functionSchema });
const namedSchema = z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: toolName }) });
const choiceSchema = z.union([
  z.enum(['auto', 'none', 'required']),
  namedSchema,
  z.strictObject({
    type: z.literal('allowed_tools'),
    allowed_tools: z.strictObject({
      mode: z.enum(['auto', 'required']),
      tools: z.array(z.unknown()).min(1).max(TOOLS_MAX).pipe(z.array(namedSchema)),
    }),
  }),
]);

/** The fields of `POST /v1/chat/completions` that are about tools, as OpenAI publishes them. */
export const chatToolFields = {
  tools: z.array(z.unknown()).max(TOOLS_MAX).pipe(z.array(toolSchema)).optional(),
  tool_choice: choiceSchema.optional(),
  parallel_tool_calls: z.boolean().optional(),
};

const allFields = z.strictObject(chatToolFields);

/**
 * What these fields ask for; undefined where no tool may be called.
 * @throws ServingError `invalid_request` for two tools of one name, and a choice of what is not among them.
 */
export function readChatTools(fields: z.output<typeof allFields>): ToolUse | undefined {
  const tools = (fields.tools ?? []).map(
    ({ function: given }): Tool => ({
      name: given.name,
      description: given.description ?? undefined,
      parameters: given.parameters ?? noParameters,
      isStrict: given.strict ?? false,
    }),
  );
  return toolUse(tools, readChoice(fields.tool_choice), fields.parallel_tool_calls ?? true);
}

function readChoice(choice: z.output<typeof choiceSchema> | undefined): ToolChoice {
  if (choice === undefined) return { kind: 'auto' };
  if (typeof choice === 'string') return { kind: choice };
  if (choice.type === 'function') return { kind: 'named', name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { kind: 'only', mode, names: tools.map((tool) => tool.function.name) };
}
