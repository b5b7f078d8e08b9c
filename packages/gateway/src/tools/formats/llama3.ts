import type { ToolFormat } from '../tool-format.js';

/** Llama 3.1 to 3.3: the whole answer is a call, perhaps behind a mark, and arguments are `parameters`. */
export const llama3: ToolFormat = {
  name: 'llama3',
  openers: ['<|python_tag|>'],
  closers: [],
  isBare: true,
  isNamed: false,
  written: {
    before: '{"name": "',
    between: '", "parameters": ',
    separator: '}; {"name": "',
    after: '}',
    trigger: undefined,
  },
};
