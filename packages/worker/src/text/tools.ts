import { ServingError } from '@sluice/shared';

/** A function that a model may call, in OpenAI's shape; members beyond these are handed to the template. */
export interface ChatTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** A JSON schema. */
    readonly parameters?: unknown;
    readonly [member: string]: unknown;
  };
}

/** Most tools of one request. */
const toolsMax = 128;

/**
 * Checks an OpenAI `tools` array that came over the wire as JSON; none for an empty text.
 * @throws ServingError `invalid_request` naming the member.
 */
export function parseTools(toolsJson: string): readonly ChatTool[] {
  if (toolsJson === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(toolsJson);
  } catch (cause) {
    throw new ServingError('invalid_request', `tools is not JSON: ${String(cause)}`, { field: 'tools', cause });
  }
  if (!Array.isArray(value)) throw invalid('tools', 'must be a list');
  if (value.length > toolsMax) throw invalid('tools', `has ${value.length} tools and must have at most ${toolsMax}`);
  for (const [index, tool] of value.entries()) checkTool(tool, `tools[${index}]`);
  return value as readonly ChatTool[];
}

function checkTool(tool: unknown, field: string): void {
  if (!isRecord(tool)) throw invalid(field, 'must be an object');
  if (tool.type !== 'function') throw invalid(`${field}.type`, 'must be "function"');
  if (!isRecord(tool.function)) throw invalid(`${field}.function`, 'must be an object');
  const { name, description } = tool.function;
  if (typeof name !== 'string' || name === '') throw invalid(`${field}.function.name`, 'must be a string, not empty');
  if (description !== undefined && typeof description !== 'string') {
    throw invalid(`${field}.function.description`, 'must be a string');
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(field: string, problem: string): ServingError {
  return new ServingError('invalid_request', `${field} ${problem}`, { field });
}
