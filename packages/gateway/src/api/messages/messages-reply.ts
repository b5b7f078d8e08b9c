import type { AnswerPart, Ending, ReplyFormat, ReplyHead, ToolCall, Usage } from '../reply-format.js';
import { anthropicErrorEvent } from './anthropic-error.js';

/**
 * Replies of `POST /v1/messages`: an answer is a row of blocks, of text or a tool's use, one after the other. There is one
 * choice.
 */
export function messagesReply(head: ReplyHead): ReplyFormat {
  const message = { id: head.id, type: 'message', role: 'assistant', model: head.model, ...absent };
  let ending: Ending | undefined;
  /** Blocks that have begun. */
  let blocks = 0;
  /** What is the same for all deltas of a block: it is built once, because there is one for each token. */
  let deltaStart = '';
  let open: AnswerPart['kind'] | undefined;

  const begin = (kind: AnswerPart['kind'], block: object): string => {
    const stop = end();
    open = kind;
    const index = blocks;
    blocks += 1;
    deltaStart = event('content_block_delta', { index }).slice(0, -'}\n\n'.length);
    return stop + event('content_block_start', { index, content_block: block });
  };
  const end = (): string => {
    if (open === undefined) return '';
    open = undefined;
    return event('content_block_stop', { index: blocks - 1 });
  };
  const delta = (change: object): string => `${deltaStart},"delta":${JSON.stringify(change)}}\n\n`;

  return {
    open: (_, promptTokens) => {
      const usage = usageJson({ promptTokens, completionTokens: 0, cachedTokens: 0 });
      const begun = { ...message, content: [], stop_reason: null, stop_sequence: null, usage };
      return event('message_start', { message: begun });
    },
    delta: (_, part) => {
      switch (part.kind) {
        case 'text': {
          if (part.text === '') return '';
          const start = open === 'text' ? '' : begin('text', { type: 'text', text: '', citations: null });
          return start + delta({ type: 'text_delta', text: part.text });
        }
        case 'call':
          return begin('call', { type: 'tool_use', id: part.id, name: part.name, input: {}, caller });
        case 'arguments':
          return delta({ type: 'input_json_delta', partial_json: part.text });
      }
    },
    finish: (_, how) => {
      ending = how;
      return end();
    },
    end: (usage) => {
      const { cache_creation, inference_geo, service_tier, speed, ...counts } = usageJson(usage);
      const last = { delta: { container: null, stop_details: null, ...stopOf(ending) }, usage: counts };
      return event('message_delta', last) + event('message_stop', {});
    },
    fail: anthropicErrorEvent,
    whole: ({ choices: [choice], usage }) =>
      JSON.stringify({
        ...message,
        content: [
          ...(choice?.text ? [{ type: 'text', text: choice.text, citations: null }] : []),
          ...(choice?.calls ?? []).map(toolUse),
        ],
        ...stopOf(choice?.ending),
        usage: usageJson(usage),
      }),
  };
}

const absent = { container: null, diagnostics: null, stop_details: null } as const;
const caller = { type: 'direct' } as const;

function event(type: string, rest: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

function stopOf(ending: Ending | undefined) {
  const sequence = ending?.finished.stopString || null;
  return { stop_reason: stopReasonOf(ending, sequence), stop_sequence: sequence };
}

function stopReasonOf(ending: Ending | undefined, sequence: string | null) {
  switch (ending?.reason) {
    case 'length':
      return 'max_tokens';
    case 'tool_calls':
      return 'tool_use';
    case 'content_filter':
      return 'refusal';
    default:
      return sequence === null ? 'end_turn' : 'stop_sequence';
  }
}

/** `input_tokens` are those that were not cached; how many were is known at the end. */
function usageJson({ promptTokens, completionTokens, cachedTokens }: Usage) {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    cache_creation: null,
    output_tokens: completionTokens,
    output_tokens_details: null,
    server_tool_use: null,
    inference_geo: null,
    service_tier: 'standard',
    speed: null,
  };
}

function toolUse({ id, name, arguments: json }: ToolCall) {
  return { type: 'tool_use', id, name, input: inputOf(json), caller };
}

/** Arguments that were cut off are shown as they are, the way the API shows those that a tool's stream ended within. */
function inputOf(json: string): unknown {
  try {
    const input: unknown = JSON.parse(json);
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  } catch {}
  return { INVALID_JSON: json };
}
