/**
 * How a model writes calls of tools, told by the chat template that it was trained with: `hermes` (Hermes, Qwen), `llama3`,
 * `mistral`, or `json` where the template knows no tools, or writes them in a way that is not known here: then a message
 * of ours tells the model of them.
 */
export type ToolFormat = 'hermes' | 'llama3' | 'mistral' | 'json';

/** @param template Jinja source. */
export function toolFormatOf(template: string): ToolFormat {
  if (!/\btools\b/.test(template)) return 'json';
  // Some write a call's arguments as XML in the same tag.
  if (template.includes('<tool_call>') && !template.includes('<function=')) return 'hermes';
  if (template.includes('[TOOL_CALLS]')) return 'mistral';
  if (template.includes('<|python_tag|>') || template.includes('<|start_header_id|>')) return 'llama3';
  return 'json';
}

/** Control tokens that are a part of calls. Who reads an answer has to see them. */
export const callMarks: ReadonlySet<string> = new Set([
  '<tool_call>',
  '</tool_call>',
  '<|python_tag|>',
  '[TOOL_CALLS]',
  '[CALL_ID]',
  '[ARGS]',
]);
