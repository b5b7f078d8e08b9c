import type { ToolFormat } from '../tool-format.js';

/** Mistral: a mark and a list of calls; since the end of 2024 a mark, a name, another mark and the arguments. */
export const mistral: ToolFormat = {
  name: 'mistral',
  openers: ['[TOOL_CALLS]'],
  closers: [],
  isBare: true,
  isNamed: true,
  written: {
    before: '[TOOL_CALLS] [{"name": "',
    between: '", "arguments": ',
    separator: '}, {"name": "',
    after: '}]',
    trigger: '[TOOL_CALLS]',
  },
};
