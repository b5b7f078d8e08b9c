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
  /** Streams: whether the caller asked for the chunk with the token counts. */
  readonly includeUsage: boolean;
}

export interface WholeReply {
  readonly text: string;
  readonly logprobs: readonly TokenLogprob[];
  readonly finished: Finished;
}

/** One endpoint's way of writing JSON. Strings in, strings out: a token costs one of them. */
export interface ReplyFormat {
  /** Events that come before the first text, each a whole server-sent event; may be empty. */
  open(): string;
  /** The event of new text and its log-probabilities. */
  delta(text: string, logprobs: readonly TokenLogprob[]): string;
  /** The events after the last text, `[DONE]` included. */
  finish(finished: Finished): string;
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

export function usageOf(finished: Finished) {
  return {
    prompt_tokens: finished.promptTokens,
    completion_tokens: finished.completionTokens,
    total_tokens: finished.promptTokens + finished.completionTokens,
    prompt_tokens_details: { cached_tokens: finished.cachedTokens },
  };
}

export function finishReasonOf(finished: Finished): 'stop' | 'length' | 'content_filter' {
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
