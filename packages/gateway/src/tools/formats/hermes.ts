import type { ToolFormat } from '../tool-format.js';

/** Hermes 2 and 3, Qwen 2.5 and 3: every call in a tag of its own. Some put a list of calls into it. */
export const hermes: ToolFormat = {
  name: 'hermes',
  openers: ['<tool_call>'],
  closers: ['</tool_call>'],
  isBare: false,
  isNamed: false,
  written: {
    before: '',
    after: '',
    separator: '\n',
    begin: (name) => `<tool_call>\n{"name": "${name}", "arguments": `,
    end: '}\n</tool_call>',
  },
};
