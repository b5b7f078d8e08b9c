import type { ToolFormat } from '../tool-format.js';

/** What workers ask for where a model's template knows no tools: one object a line. Many models fence it in. */
export const json: ToolFormat = {
  name: 'json',
  openers: ['```tool_call', '```json', '```', '<tool_call>'],
  closers: ['```', '</tool_call>'],
  isBare: true,
  isNamed: false,
  written: {
    before: '{"name": "',
    between: '", "arguments": ',
    separator: '}\n{"name": "',
    after: '}',
    trigger: undefined,
  },
};
