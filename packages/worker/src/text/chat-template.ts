import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { assert, ServingError } from '@sluice/shared';
import type { ChatMessage } from './chat-messages.js';
import { plainToolMessages } from './plain-tools.js';
import { strftime } from './strftime.js';
import type { TokenizerDefinition } from './tokenizer-definition.js';
import { type ToolFormat, toolFormatOf } from './tool-format.js';
import { toolMessages } from './tool-messages.js';
import type { ChatTool } from './tools.js';

export interface RenderOptions {
  /** Open the assistant's turn at the end, so that the model answers. */
  readonly addGenerationPrompt: boolean;
  /** What the model may call; none if left out. */
  readonly tools?: readonly ChatTool[];
}

/** A model's way to write a conversation as one prompt. */
export interface ChatTemplate {
  /** How the model is asked to write calls of tools. */
  readonly toolFormat: ToolFormat;
  /**
   * The prompt as text, to be encoded with `special` and `begin`. What people wrote in it is shielded, so that the control
   * tokens of the prompt are the template's own.
   * @throws ServingError `invalid_request`, field `messages`, when the template refuses the conversation.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions): string;
}

export interface ChatTemplateSource {
  readonly definition: Pick<TokenizerDefinition, 'tokens' | 'beginTokenId' | 'endTokenId'>;
  /** Jinja source. */
  readonly template: string;
  /** `Tokenizer.shield`. */
  readonly shield: (text: string) => string;
  /** The time for templates that write a date, milliseconds since 1970. */
  readonly wallMs: () => number;
}

/**
 * Compiles a chat template.
 * @throws ServingError `model_unusable` when it is not sound Jinja.
 */
export function createChatTemplate({ definition, template, shield, wallMs }: ChatTemplateSource): ChatTemplate {
  const program = compile(template);
  const readsParts = loopsOverContent.test(template);
  const knowsDeveloper = template.includes('developer');
  const hasSystemRole = !refusesSystem.test(template);
  const toolFormat = toolFormatOf(template);
  const tokenText = (id: number | undefined): string => (id === undefined ? '' : (definition.tokens[id] ?? ''));
  const environment = (): Environment => {
    const made = new Environment();
    for (const [name, value] of Object.entries(languageGlobals)) made.set(name, value);
    made.set('bos_token', tokenText(definition.beginTokenId));
    made.set('eos_token', tokenText(definition.endTokenId));
    made.set('strftime_now', (format: string) => strftime(wallMs(), format));
    return made;
  };
  const prepared = (message: ChatMessage): unknown => {
    const role = message.role === 'developer' && !knowsDeveloper ? 'system' : message.role;
    const content = readsParts ? message.content : flattened(message.content);
    return shielded({ ...message, role, content }, shield);
  };
  /** As this template can take them. */
  const fitted = (messages: readonly ChatMessage[], tools: readonly ChatTool[]): readonly ChatMessage[] => {
    if (tools.length === 0 && !messages.some(isOfTools)) return messages;
    if (toolFormat === 'json') return plainToolMessages(messages, tools, hasSystemRole);
    return toolMessages(messages, template);
  };
  return {
    toolFormat,
    render(messages, { addGenerationPrompt, tools = [] }) {
      try {
        const variables = environment();
        variables.set('messages', fitted(messages, tools).map(prepared));
        variables.set('tools', tools.length > 0 && toolFormat !== 'json' ? shielded(tools, shield) : null);
        variables.set('add_generation_prompt', addGenerationPrompt);
        const result = new Interpreter(variables).run(program);
        assert(typeof result.value === 'string', 'a template renders to a string');
        return result.value;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new ServingError('invalid_request', `messages do not fit the model's chat template: ${reason}`, {
          field: 'messages',
          cause,
        });
      }
    },
  };
}

/**
 * What every chat template may use, as in transformers. The library's own `Template` has these too, but with a
 * `strftime_now` that reads the machine's clock, zone and language and cannot be replaced.
 */
const languageGlobals = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  documents: null,
  range,
  raise_exception: (reason: unknown): never => {
    throw new Error(typeof reason === 'string' ? reason : 'the conversation is refused');
  },
};

function range(first: number, end?: number, step = 1): number[] {
  const from = end === undefined ? 0 : first;
  const to = end ?? first;
  const count = Math.ceil((to - from) / step);
  if (step === 0 || count > rangeMax)
    throw new Error(`range(${from}, ${to}, ${step}) must have at most ${rangeMax} numbers`);
  return Array.from({ length: Math.max(0, count) }, (_, index) => from + index * step);
}

const rangeMax = 100_000;

function isOfTools({ role, tool_calls }: ChatMessage): boolean {
  return role === 'tool' || role === 'function' || tool_calls !== undefined;
}

/** A template that raises an exception at a system's message. */
const refusesSystem = /raise_exception\(\s*['"][^'"]*\bsystem\b/i;

/** A template that goes through the parts of a message's content itself. */
const loopsOverContent = /\bin\s+\w+\s*(?:\.\s*content\b|\[\s*['"]content['"]\s*\])/;

function compile(template: string): ReturnType<typeof parse> {
  try {
    return parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
  } catch (cause) {
    throw new ServingError('model_unusable', `the model's chat template is not sound: ${String(cause)}`, { cause });
  }
}

/** Parts become lines, as vLLM and llama.cpp write them. */
function flattened(content: ChatMessage['content']): string | null {
  return typeof content === 'string' || content === null ? content : content.map((part) => part.text).join('\n');
}

/** The same JSON value with every string in it shielded. */
function shielded(value: unknown, shield: (text: string) => string): unknown {
  if (typeof value === 'string') return shield(value);
  if (Array.isArray(value)) return value.map((item: unknown) => shielded(item, shield));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [shield(key), shielded(item, shield)]));
}
