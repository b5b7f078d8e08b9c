import { z } from 'zod';
import { parametersSchema, toolName } from '../../tools/chat-tools.js';
import { TOOLS_MAX, type Tool, type ToolChoice, type ToolUse, toolUse } from '../../tools/tool-use.js';
import { checkedByHand } from '../checked-by-hand.js';
import { wellFormedString } from '../generation-fields.js';
import { readChecked, readKind } from '../read-kind.js';

const toolSchema = z.strictObject({
  type: z.literal('custom').nullish(),
  name: toolName,
  description: wellFormedString.max(65_536).nullish(),
  input_schema: parametersSchema,
  strict: z.boolean().nullish(),
  cache_control: z.unknown().optional(),
  allowed_callers: z.array(z.literal('direct')).nullish(),
  defer_loading: z.literal(false).nullish(),
  /** Arguments stream as they come in any case. */
  eager_input_streaming: z.boolean().nullish(),
});
const isAlone = { disable_parallel_tool_use: z.boolean().optional() };
const choiceKinds = {
  auto: z.strictObject({ type: z.literal('auto'), ...isAlone }),
  any: z.strictObject({ type: z.literal('any'), ...isAlone }),
  tool: z.strictObject({ type: z.literal('tool'), name: toolName, ...isAlone }),
  none: z.strictObject({ type: z.literal('none') }),
};

/** The fields of `POST /v1/messages` that are about tools. */
export const toolFields = {
  tools: checkedByHand(z.array(z.unknown()).max(TOOLS_MAX), z.array(toolSchema).max(TOOLS_MAX)).optional(),
  tool_choice: checkedByHand(z.unknown(), z.union(Object.values(choiceKinds))).optional(),
};

interface ToolFields {
  readonly tools?: readonly unknown[] | undefined;
  readonly tool_choice?: unknown;
}

/**
 * What these fields ask for; undefined where no tool may be called.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function readToolFields({ tools = [], tool_choice }: ToolFields): ToolUse | undefined {
  const given = tools.map((tool, index) => readTool(tool, `tools[${index}]`));
  if (tool_choice === undefined) return toolUse(given, { kind: 'auto' }, true);
  const choice = readKind(tool_choice, 'tool_choice', choiceKinds);
  const isParallel = choice.type === 'none' || choice.disable_parallel_tool_use !== true;
  return toolUse(given, choiceOf(choice), isParallel);
}

function readTool(given: unknown, field: string): Tool {
  // A tool without a type, or null, is the caller's own; the others run at the API's side.
  const isOwn = typeof given === 'object' && given !== null && !('type' in given && given.type !== null);
  const tool = isOwn ? readChecked(toolSchema, given, field) : readKind(given, field, { custom: toolSchema });
  const { name, description, input_schema: parameters, strict } = tool;
  return { name, description: description ?? undefined, parameters, isStrict: strict ?? false };
}

function choiceOf(choice: z.output<(typeof choiceKinds)[keyof typeof choiceKinds]>): ToolChoice {
  switch (choice.type) {
    case 'tool':
      return { kind: 'named', name: choice.name };
    case 'any':
      return { kind: 'required' };
    default:
      return { kind: choice.type };
  }
}
