import type { TokenLogprob } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import { type FinishReason, finiteLogprob, type ReplyHead, tokenText, type Usage } from '../reply-format.js';
import type { FunctionCallItem, MessageItem } from './response-items.js';
import type { ResponseEcho } from './response-terms.js';

export type OutputItem = MessageItem | FunctionCallItem;

/** How far a response has come. */
export type Outcome =
  | { readonly status: 'in_progress' | 'completed' }
  | { readonly status: 'incomplete'; readonly reason: 'max_output_tokens' | 'content_filter' }
  | { readonly status: 'failed'; readonly error: ServingError };

export function outcomeOf(reason: FinishReason): Outcome {
  switch (reason) {
    case 'stop':
    case 'tool_calls':
      return { status: 'completed' };
    case 'length':
      return { status: 'incomplete', reason: 'max_output_tokens' };
    case 'content_filter':
      return { status: 'incomplete', reason };
  }
}

/** The object that a response is, in the published order of its life: a snapshot. */
export function responseObject(
  head: ReplyHead,
  echo: ResponseEcho,
  outcome: Outcome,
  output: readonly OutputItem[],
  usage: Usage | undefined,
) {
  return {
    id: head.id,
    object: 'response',
    created_at: head.createdSeconds,
    status: outcome.status,
    background: false,
    error: outcome.status === 'failed' ? errorJson(outcome.error) : null,
    incomplete_details: outcome.status === 'incomplete' ? { reason: outcome.reason } : null,
    model: head.model,
    output,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    truncation: 'disabled',
    usage: usage === undefined ? null : usageJson(usage),
    ...echo,
  };
}

/** The published codes are few; `code` of the event beside it says it better. */
function errorJson({ message, row }: ServingError) {
  return { code: row.httpStatus === 429 ? 'rate_limit_exceeded' : 'server_error', message };
}

function usageJson({ promptTokens, completionTokens, cachedTokens }: Usage) {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
  };
}

export function logprobJson(entry: TokenLogprob) {
  return { ...plainLogprob(entry), top_logprobs: entry.top.map(plainLogprob) };
}

function plainLogprob({ token, logprob }: TokenLogprob) {
  return { token: tokenText(token), bytes: [...token], logprob: finiteLogprob(logprob) };
}
