import type { Finished, TokenLogprob } from '@sluice/proto';
import { unknownTokenId } from '../workers/worker.js';
import { countOf, type JsonObject, listOf, objectOf, textOf } from './json-reading.js';
import type { UpstreamCall } from './upstream-calls.js';

/** What one chunk of a stream says. */
export interface UpstreamChunk {
  /** Empty where it brings none. */
  readonly text: string;
  /** Behind the text. */
  readonly calls: readonly UpstreamCall[];
  readonly logprobs: readonly TokenLogprob[];
  /** Undefined until the last one with text, or behind it. */
  readonly finishReason: string | undefined;
  readonly usage: UpstreamUsage | undefined;
}

export interface UpstreamUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Undefined where the upstream does not say. */
  readonly cachedTokens: number | undefined;
}

/** Reads a chunk of either endpoint; `undefined` for an object that is none. */
export function readChunk(chunk: JsonObject, isChat: boolean): UpstreamChunk | undefined {
  if (!Array.isArray(chunk.choices)) return undefined;
  const choice = objectOf(chunk.choices[0]);
  const text = isChat ? objectOf(choice?.delta)?.content : choice?.text;
  const logprobs = objectOf(choice?.logprobs);
  return {
    text: typeof text === 'string' ? text : '',
    calls: isChat ? readCalls(objectOf(choice?.delta)?.tool_calls) : [],
    logprobs: logprobs === undefined ? [] : isChat ? chatLogprobs(logprobs) : legacyLogprobs(logprobs),
    finishReason: textOf(choice?.finish_reason),
    usage: readUsage(objectOf(chunk.usage)),
  };
}

function readCalls(calls: unknown): UpstreamCall[] {
  return listOf(calls).map((entry, at) => {
    const call = objectOf(entry) ?? {};
    const called = objectOf(call.function) ?? {};
    return { index: countOf(call.index) ?? at, name: textOf(called.name), arguments: textOf(called.arguments) ?? '' };
  });
}

function readUsage(usage: JsonObject | undefined): UpstreamUsage | undefined {
  if (usage === undefined) return undefined;
  return {
    promptTokens: countOf(usage.prompt_tokens) ?? 0,
    completionTokens: countOf(usage.completion_tokens) ?? 0,
    cachedTokens: countOf(objectOf(usage.prompt_tokens_details)?.cached_tokens),
  };
}

/** Ends that are none: the server gave up. */
const failedReasons: ReadonlySet<string> = new Set(['abort', 'aborted', 'cancelled', 'error']);

/** Undefined where the server gave up. Reasons that nobody has agreed on are stops (`eos_token`, `end_turn`). */
export function finishedFrom(reason: string, usage: UpstreamUsage): Finished | undefined {
  if (failedReasons.has(reason)) return undefined;
  return {
    reason:
      reason === 'length'
        ? 'FINISH_REASON_LENGTH'
        : reason === 'content_filter'
          ? 'FINISH_REASON_CONTENT_FILTER'
          : 'FINISH_REASON_STOP',
    stopString: '',
    promptTokens: usage.promptTokens,
    completionTokens: usage.completionTokens,
    cachedTokens: usage.cachedTokens ?? 0,
    ttft: 'OBJECTIVE_OUTCOME_UNSPECIFIED',
    tbt: 'OBJECTIVE_OUTCOME_UNSPECIFIED',
  };
}

function chatLogprobs({ content }: JsonObject): TokenLogprob[] {
  return listOf(content).map((entry) => {
    const given = objectOf(entry) ?? {};
    const top = listOf(given.top_logprobs).map((one) => chatLogprob(objectOf(one) ?? {}));
    return { ...chatLogprob(given), top };
  });
}

function chatLogprob({ token, bytes, logprob }: JsonObject): TokenLogprob {
  const isBytes = Array.isArray(bytes) && bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
  return tokenLogprob(isBytes ? Buffer.from(bytes) : token, logprob);
}

/** Of the older endpoint: a list for each property. */
function legacyLogprobs({ tokens, token_logprobs, top_logprobs }: JsonObject): TokenLogprob[] {
  const logprobs = listOf(token_logprobs);
  const tops = listOf(top_logprobs);
  return listOf(tokens).map((token, index) => {
    const top = Object.entries(objectOf(tops[index]) ?? {}).map(([text, logprob]) => tokenLogprob(text, logprob));
    return { ...tokenLogprob(token, logprobs[index]), top };
  });
}

function tokenLogprob(token: unknown, logprob: unknown): TokenLogprob {
  return {
    tokenId: unknownTokenId,
    token: Buffer.isBuffer(token) ? token : Buffer.from(typeof token === 'string' ? token : ''),
    // The first token of a prompt has none; what writes the reply shows it as unlikely beyond measure.
    logprob: typeof logprob === 'number' ? logprob : Number.NEGATIVE_INFINITY,
    top: [],
  };
}
