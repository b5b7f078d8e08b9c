import type { TokenLogprob } from '@sluice/proto';
import type { AnswerPart } from '../api/reply-format.js';
import type { Order } from '../streams/order.js';
import { CallParser, type ParsedPart } from '../tools/call-parser.js';
import { toolFormat } from '../tools/formats.js';
import type { Choice } from './choice.js';

/**
 * Reads calls of tools, and whatever else is no plain text, out of one answer as it comes. What it says follows from the
 * text alone, so that whoever reads the same text again, in other pieces, says the same.
 */
export interface AnswerParser {
  /** The parts that this text completes; it may hold back a bounded end. */
  write(text: string, logprobs: readonly TokenLogprob[]): readonly AnswerPart[];
  /** The text is over: the parts that were held back. */
  end(): readonly AnswerPart[];
  /** Whether a tool was called, which is then why the answer ended, where it did not end for want of room. */
  readonly hasCalls: boolean;
}

/** Undefined, for nearly all: the answer is its text. */
export function openParser({ call: { tools }, head }: Order, choice: Choice): AnswerParser | undefined {
  if (tools === undefined) return undefined;
  const { callsMax, names } = tools;
  const parser = new CallParser(toolFormat(tools.format), { names: new Set(names), callsMax });
  const named = (part: ParsedPart): AnswerPart => {
    if (part.kind === 'text') return { ...part, logprobs: [] };
    return part.kind === 'call' ? { ...part, id: callId(head.id, choice, part.index) } : part;
  };
  return {
    write: (text, logprobs) => withLogprobs(parser.push(text).map(named), logprobs),
    end: () => parser.end().map(named),
    get hasCalls() {
      return parser.calls > 0;
    },
  };
}

/** Those of all tokens, also of those that make up calls, go out with text, and with none where there is none. */
function withLogprobs(parts: readonly AnswerPart[], logprobs: readonly TokenLogprob[]): readonly AnswerPart[] {
  if (logprobs.length === 0) return parts;
  const [first, ...rest] = parts;
  if (first?.kind === 'text') return [{ ...first, logprobs }, ...rest];
  return [{ kind: 'text', text: '', logprobs }, ...parts];
}

/** As unique as the reply's own id, whose random part it has, and the same whenever the reply is written again. */
function callId(replyId: string, { index }: Choice, call: number): string {
  return `call_${replyId.slice(-28)}${index.toString(36)}${call.toString(36).padStart(2, '0')}`;
}
