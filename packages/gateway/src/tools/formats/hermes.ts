import type { ToolFormat } from '../tool-format.js';

/** Hermes 2 and 3, Qwen 2.5 and 3: every call in a tag of its own. Some put a list of calls into it. */
export const hermes: ToolFormat = {
  name: 'hermes',
  openers: ['<tool_call>'],
  closers: ['</tool_call>'],
  isBare: false,
  isNamed: false,
  written: {
    before: '<tool_call>\n{"name": "',
    between: '", "arguments": ',
    separator: '}\n</tool_call>\n<tool_call>\n{"name": "',
    after: '}\n</tool_call>',
    trigger: '<tool_call>',
  },
};
