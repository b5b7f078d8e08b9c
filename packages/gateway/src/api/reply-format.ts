import type { Finished, TokenLogprob } from '@sluice/proto';
import { type ServingError, unreachable } from '@sluice/shared';

/** What every reply to one request carries. */
export interface ReplyHead {
  /** With its prefix: `chatcmpl-…` or `cmpl-…`. */
  readonly id: string;
  readonly createdSeconds: number;
  readonly model: string;
  readonly systemFingerprint: string;
  /** Whether log-probabilities were asked for. */
  readonly logprobs: boolean;
  /** How many of the likeliest tokens beside each; more may come. */
  readonly logprobsTop: number;
  /** The same for the tokens of the prompt; undefined: nothing is asked of them. */
  readonly promptLogprobsTop: number | undefined;
  /** Streams: whether the caller asked for the chunk with the token counts. */
  readonly includeUsage: boolean;
}

/** A part of an answer as its reader gets it. */
export type AnswerPart =
  | { readonly kind: 'text'; readonly text: string; readonly logprobs: readonly TokenLogprob[] }
  /** The model begins to call a tool. `index`: of the call in its answer, from 0. */
  | { readonly kind: 'call'; readonly index: number; readonly id: string; readonly name: string }
  /** More of the JSON that a call's arguments are. */
  | { readonly kind: 'arguments'; readonly index: number; readonly text: string };

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}

/** How one choice ended. */
export interface Ending {
  readonly reason: FinishReason;
  readonly finished: Finished;
}

export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls';

/** Tokens of a request: its prompt once, and all of its choices. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

export interface WholeChoice {
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly logprobs: readonly TokenLogprob[];
  /** Of the tokens of its prompt, where they were asked for. */
  readonly promptLogprobs: readonly TokenLogprob[];
  /** Of its prompt; empty where none was asked for. */
  readonly embedding: readonly number[];
  readonly ending: Ending;
}

export interface WholeReply {
  readonly choices: readonly WholeChoice[];
  readonly usage: Usage;
}

/** One endpoint's way of writing JSON. Strings in, strings out: a token costs one of them. */
export interface ReplyFormat {
  /**
   * Events that come before the first part of a choice, each a whole server-sent event; may be empty.
   * @param promptTokens of its prompt; 0: not known yet.
   */
  open(choice: number, promptTokens: number): string;
  /** The event of a new part. */
  delta(choice: number, part: AnswerPart): string;
  /** The events after the last part of a choice. */
  finish(choice: number, ending: Ending): string;
  /** The events after the last choice, `[DONE]` included. */
  end(usage: Usage): string;
  /** The events of an answer that fails after it has begun; nothing comes after them. */
  fail(error: ServingError): string;
  /** The body of a reply that is not streamed. */
  whole(reply: WholeReply): string;
}

export const doneEvent = 'data: [DONE]\n\n';

export function errorEvent(error: ServingError): string {
  return `data: ${errorBody(error)}\n\n`;
}

/** OpenAI's shape of an error. */
export function errorBody(error: ServingError): string {
  const { message, code } = error;
  return JSON.stringify({ error: { message, type: error.row.type, param: error.field ?? null, code } });
}

export function usageJson({ promptTokens, completionTokens, cachedTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    // Clients read them without looking whether they are there.
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

export function finishReasonOf(finished: Finished): Exclude<FinishReason, 'tool_calls'> {
  switch (finished.reason) {
    case 'FINISH_REASON_STOP':
      return 'stop';
    case 'FINISH_REASON_CONTENT_FILTER':
      return 'content_filter';
    case 'FINISH_REASON_LENGTH':
    case 'FINISH_REASON_CANCELLED':
    case 'FINISH_REASON_UNSPECIFIED':
      return 'length';
    default:
      return unreachable(finished.reason);
  }
}

/** A token's text as far as it is text: bytes of a cut character show as U+FFFD. */
export function tokenText(token: Uint8Array): string {
  return decoder.decode(token);
}

/** JSON has no infinity; this is what OpenAI writes for a token that cannot come. */
export function finiteLogprob(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : -9999;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
