import type { GenerateRequest, Sampling, ServiceTerms as TermsMessage } from '@sluice/proto';
import {
  defaultTerms,
  OBJECTIVE_MS_MAX,
  type Pooling,
  type PromptWish,
  type SamplingParams,
  type ServiceTerms,
} from '../engine/sequence.js';
import { parseConstraint } from '../grammar/constraint.js';
import type { GrammarSource } from '../grammar/grammar-source.js';
import { type ChatMessage, parseMessages } from '../text/chat-messages.js';
import { type ChatTool, parseTools } from '../text/tools.js';
import { priorityOf } from './messages.js';
import { atMost, inRange, invalid, tokenIdBelow, wellFormed } from './ranges.js';

export type Prompt =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'messages'; readonly messages: readonly ChatMessage[]; readonly chat: ChatOptions }
  | { readonly kind: 'tokenIds'; readonly tokenIds: readonly number[] };

/** How messages become a prompt. */
export interface ChatOptions {
  /** That the model may call. */
  readonly tools: readonly ChatTool[];
  /** The last message is the beginning of the answer. */
  readonly continuesFinal: boolean;
  /** The assistant's turn is not opened; absent: it is. */
  readonly isUnopened?: boolean;
}

/** A request whose every field has been checked; only {@link parseGenerateRequest} makes one. */
export interface ParsedRequest {
  readonly requestId: string;
  readonly prompt: Prompt;
  /** By another worker; their text has been delivered. */
  readonly generatedIds: readonly number[];
  readonly sampling: SamplingParams;
  /** 0: as many as the context leaves. */
  readonly tokensMax: number;
  /** End and stop tokens cannot come before so many tokens have. */
  readonly tokensMin: number;
  /** Whether it ends once its prompt is computed. */
  readonly endsWithPrompt: boolean;
  /** What is to be told of the prompt; undefined: nothing. */
  readonly promptWish: PromptWish | undefined;
  /** Requests of one group have the same prompt; 0: of none. */
  readonly group: number;
  readonly stopStrings: readonly string[];
  readonly stopTokenIds: ReadonlySet<number>;
  /** Undefined: no log-probabilities. */
  readonly logprobsTop: number | undefined;
  readonly includeStop: boolean;
  /** Whether control tokens in its midst are part of the text. */
  readonly showsControl: boolean;
  readonly terms: ServiceTerms;
  /** What the text has to be; undefined: any. */
  readonly grammar: GrammarSource | undefined;
}

/** What the checks need to know of the model. */
export interface ModelBounds {
  readonly vocabularyCount: number;
  readonly endTokenIds: readonly number[];
}

/**
 * Checks a request as it came over the wire; the ranges are those of worker.proto.
 * @throws ServingError `invalid_request` that names the field as the wire spells it, its value and the bound.
 */
export function parseGenerateRequest(request: GenerateRequest, model: ModelBounds): ParsedRequest {
  atMost('request_id', request.requestId.length, 256, 'characters');
  const promptWish = parsePromptWish(request);
  const endsWithPrompt = request.noGeneration || promptWish?.pooling !== undefined;
  if (endsWithPrompt) refuseTokens(request);
  return {
    requestId: request.requestId,
    prompt: parsePrompt(request, model),
    generatedIds: parseTokenIds('generated_token_ids', request.generatedTokenIds, model),
    sampling: parseSampling(request.sampling, model),
    tokensMax: request.tokensMax,
    tokensMin: request.tokensMin,
    endsWithPrompt,
    promptWish,
    group: request.group,
    stopStrings: parseStopStrings(request.stopStrings),
    stopTokenIds: parseStopTokenIds(request, model),
    logprobsTop: parseLogprobs(request),
    includeStop: request.includeStop,
    showsControl: request.showControl,
    terms: parseTerms(request.terms),
    grammar: request.constraint === null ? undefined : parseConstraint(request.constraint),
  };
}

function parsePrompt(request: GenerateRequest, model: ModelBounds): Prompt {
  if (request.prompt !== 'messagesJson') {
    for (const [field, isSet] of [
      ['tools_json', request.toolsJson !== ''],
      ['continue_final_message', request.continueFinalMessage],
      ['no_turn', request.noTurn],
    ] as const) {
      if (isSet) throw invalid(field, `${field} needs a prompt of messages_json`);
    }
  }
  switch (request.prompt) {
    case 'text':
      return { kind: 'text', text: request.text ?? '' };
    case 'messagesJson':
      return {
        kind: 'messages',
        messages: parseMessages(request.messagesJson ?? ''),
        chat: {
          tools: parseTools(request.toolsJson),
          continuesFinal: request.continueFinalMessage,
          isUnopened: request.noTurn,
        },
      };
    case 'tokenIds':
      return { kind: 'tokenIds', tokenIds: parseTokenIds('prompt', request.tokenIds?.ids ?? [], model) };
    default:
      throw invalid('prompt', 'prompt is missing: one of text, messages_json and token_ids must be set');
  }
}

function parseTokenIds(field: string, ids: readonly number[], model: ModelBounds): readonly number[] {
  for (const [index, id] of ids.entries()) tokenIdBelow(`${field}[${index}]`, id, model.vocabularyCount);
  return ids;
}

function parseSampling(sampling: Sampling | null, model: ModelBounds): SamplingParams {
  if (sampling === null) throw invalid('sampling', 'sampling is missing');
  inRange('temperature', sampling.temperature, 0, 100);
  inRange('top_p', sampling.topP, 0, 1);
  if (sampling.topP === 0) throw invalid('top_p', 'top_p 0 must be above 0');
  inRange('min_p', sampling.minP, 0, 1);
  inRange('repetition_penalty', sampling.repetitionPenalty, 0, 100);
  if (sampling.repetitionPenalty === 0) throw invalid('repetition_penalty', 'repetition_penalty 0 must be above 0');
  inRange('presence_penalty', sampling.presencePenalty, -2, 2);
  inRange('frequency_penalty', sampling.frequencyPenalty, -2, 2);
  inRange('seed', sampling.seed, 0, Number.MAX_SAFE_INTEGER);
  return {
    temperature: sampling.temperature,
    topK: sampling.topK,
    topP: sampling.topP,
    minP: sampling.minP,
    repetitionPenalty: sampling.repetitionPenalty,
    presencePenalty: sampling.presencePenalty,
    frequencyPenalty: sampling.frequencyPenalty,
    seed: sampling.seed,
    logitBias: parseLogitBias(sampling, model),
  };
}

function parseLogitBias(sampling: Sampling, model: ModelBounds): ReadonlyMap<number, number> {
  atMost('logit_bias', sampling.logitBias.length, 1_024, 'entries');
  const biases = new Map<number, number>();
  for (const { tokenId, bias } of sampling.logitBias) {
    tokenIdBelow('logit_bias', tokenId, model.vocabularyCount);
    inRange(`logit_bias[${tokenId}]`, bias, -100, 100);
    if (biases.has(tokenId)) throw invalid('logit_bias', `logit_bias names token ${tokenId} more than once`);
    biases.set(tokenId, bias);
  }
  return biases;
}

function parseStopStrings(strings: readonly string[]): readonly string[] {
  atMost('stop_strings', strings.length, 16, 'strings');
  for (const [index, text] of strings.entries()) {
    const field = `stop_strings[${index}]`;
    if (text === '') throw invalid(field, `${field} must not be empty`);
    atMost(field, text.length, 1_024, 'characters');
    wellFormed(field, text);
  }
  return strings;
}

function parseStopTokenIds(request: GenerateRequest, model: ModelBounds): ReadonlySet<number> {
  atMost('stop_token_ids', request.stopTokenIds.length, 256, 'ids');
  for (const [index, id] of request.stopTokenIds.entries()) {
    tokenIdBelow(`stop_token_ids[${index}]`, id, model.vocabularyCount);
  }
  return new Set(request.ignoreEnd ? request.stopTokenIds : [...model.endTokenIds, ...request.stopTokenIds]);
}

function parseTerms(terms: TermsMessage | null): ServiceTerms {
  if (terms === null) return defaultTerms;
  inRange('ttft_ms', terms.ttftMs, 0, OBJECTIVE_MS_MAX);
  inRange('tbt_ms', terms.tbtMs, 0, OBJECTIVE_MS_MAX);
  atMost('client', terms.client.length, 256, 'characters');
  return {
    priority: priorityOf(terms.priority),
    ttftMs: terms.ttftMs === 0 ? undefined : terms.ttftMs,
    tbtMs: terms.tbtMs === 0 ? undefined : terms.tbtMs,
    client: terms.client,
  };
}

function parseLogprobs(request: GenerateRequest): number | undefined {
  inRange('logprobs_top', request.logprobsTop, 0, 20);
  if (request.logprobs) return request.logprobsTop;
  if (request.logprobsTop > 0 && !request.promptLogprobs) {
    throw invalid('logprobs_top', `logprobs_top ${request.logprobsTop} needs logprobs or prompt_logprobs to be set`);
  }
  return undefined;
}

function parsePromptWish(request: GenerateRequest): PromptWish | undefined {
  const pooling = parsePooling(request.pooling);
  if (pooling === undefined && !request.promptLogprobs) return undefined;
  return { logprobsTop: request.promptLogprobs ? request.logprobsTop : undefined, pooling };
}

function parsePooling(pooling: GenerateRequest['pooling']): Pooling | undefined {
  switch (pooling) {
    case 'POOLING_UNSPECIFIED':
      return undefined;
    case 'POOLING_MEAN':
      return 'mean';
    case 'POOLING_LAST':
      return 'last';
    default:
      // A number that this worker does not know yet.
      throw invalid('pooling', `pooling ${String(pooling)} must be POOLING_MEAN or POOLING_LAST`);
  }
}

/** Of a request that generates nothing. */
function refuseTokens({ tokensMax, tokensMin, generatedTokenIds }: GenerateRequest): void {
  const why = 'must be 0 where nothing is generated';
  if (tokensMax > 0) throw invalid('tokens_max', `tokens_max ${tokensMax} ${why}`);
  if (tokensMin > 0) throw invalid('tokens_min', `tokens_min ${tokensMin} ${why}`);
  const generated = generatedTokenIds.length;
  if (generated > 0) throw invalid('generated_token_ids', `generated_token_ids: ${generated} tokens ${why}`);
}
