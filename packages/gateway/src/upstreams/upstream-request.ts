import type { ConstraintInit, GenerateRequestInit, SamplingInit, ServiceTermsInit } from '@sluice/proto';
import type { SubmitTerms } from '../workers/worker.js';
import { toolFields } from './upstream-calls.js';

/** A request as an OpenAI-compatible server takes it. */
export interface UpstreamRequest {
  readonly isChat: boolean;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

/**
 * Always a stream with the counts at its end. What OpenAI's protocol has no field for (`top_k`, `min_p`,
 * `repetition_penalty`, `ignore_eos`, `min_tokens`) is sent under the name that vLLM and SGLang give it, only where it is asked for:
 * servers that do not know it refuse it or pass over it, as they do for anybody.
 */
export function toUpstreamRequest(
  request: GenerateRequestInit,
  { model, isSeeded, tools, constraintField }: SubmitTerms,
): UpstreamRequest {
  const isChat = request.messagesJson !== undefined;
  const fields = JSON.stringify({
    model,
    ...(isChat ? {} : { prompt: request.tokenIds?.ids ?? request.text ?? '' }),
    ...(request.tokensMax ? { max_tokens: request.tokensMax } : {}),
    ...samplingFields(request.sampling ?? {}, isSeeded),
    ...(request.stopStrings?.length ? { stop: request.stopStrings } : {}),
    ...endFields(request),
    ...(request.continueFinalMessage ? { continue_final_message: true, add_generation_prompt: false } : {}),
    ...(request.noTurn ? { add_generation_prompt: false } : {}),
    ...(request.showControl ? { skip_special_tokens: false } : {}),
    ...(request.constraint ? constraintFields(request.constraint, constraintField ?? 'tools') : {}),
    ...(request.logprobs ? logprobFields(isChat, request.logprobsTop ?? 0) : {}),
    ...(tools === undefined ? {} : toolFields(tools)),
    stream: true,
    stream_options: { include_usage: true },
  });
  return {
    isChat,
    path: isChat ? '/v1/chat/completions' : '/v1/completions',
    headers: { 'x-request-id': request.requestId ?? '', ...termHeaders(request.terms ?? {}) },
    // The messages are JSON already.
    body: isChat ? `{"messages":${request.messagesJson},${fields.slice(1)}` : fields,
  };
}

/** Temperature and top_p always: servers have defaults of their own, and callers were promised OpenAI's. */
function samplingFields(sampling: SamplingInit, isSeeded: boolean) {
  const { topK, minP, presencePenalty, frequencyPenalty, repetitionPenalty, logitBias } = sampling;
  return {
    temperature: sampling.temperature ?? 1,
    top_p: sampling.topP ?? 1,
    ...(topK ? { top_k: topK } : {}),
    ...(minP ? { min_p: minP } : {}),
    ...(presencePenalty ? { presence_penalty: presencePenalty } : {}),
    ...(frequencyPenalty ? { frequency_penalty: frequencyPenalty } : {}),
    ...(repetitionPenalty !== undefined && repetitionPenalty !== 1 ? { repetition_penalty: repetitionPenalty } : {}),
    ...(logitBias?.length
      ? { logit_bias: Object.fromEntries(logitBias.map(({ tokenId, bias }) => [`${tokenId}`, bias])) }
      : {}),
    // One that the gateway drew says nothing, and some servers sample seeded requests one by one.
    ...(isSeeded ? { seed: sampling.seed } : {}),
  };
}

function endFields({ ignoreEnd, tokensMin, stopTokenIds, includeStop }: GenerateRequestInit) {
  return {
    ...(ignoreEnd ? { ignore_eos: true } : {}),
    ...(tokensMin ? { min_tokens: tokensMin } : {}),
    ...(stopTokenIds?.length ? { stop_token_ids: stopTokenIds } : {}),
    ...(includeStop ? { include_stop_str_in_output: true } : {}),
  };
}

/**
 * Forms that OpenAI has a field for go there, and the others where the caller had them: vLLM's field of now, or those of
 * before. What tools ask of an answer is left to the upstream, which has the tools.
 */
function constraintFields({ jsonSchema, jsonObject, regex, choice, grammar }: ConstraintInit, field: string) {
  if (field === 'tools') return {};
  if (jsonObject) return { response_format: { type: 'json_object' } };
  if (jsonSchema !== undefined) {
    const schema: unknown = JSON.parse(jsonSchema);
    return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } };
  }
  const [name, value] = choice
    ? ['choice', choice.texts]
    : regex === undefined
      ? ['grammar', grammar]
      : ['regex', regex];
  return field.startsWith('structured_outputs')
    ? { structured_outputs: { [name]: value } }
    : { [`guided_${name}`]: value };
}

function logprobFields(isChat: boolean, top: number) {
  return isChat ? { logprobs: true, ...(top > 0 ? { top_logprobs: top } : {}) } : { logprobs: top };
}

/** For upstreams that are gateways of ours. */
function termHeaders({ priority, ttftMs, tbtMs }: ServiceTermsInit): Record<string, string> {
  const name = priorityNames.get(priority);
  return {
    ...(name === undefined ? {} : { 'x-sluice-priority': name }),
    ...(ttftMs ? { 'x-sluice-ttft-ms': `${ttftMs}` } : {}),
    ...(tbtMs ? { 'x-sluice-tbt-ms': `${tbtMs}` } : {}),
  };
}

const priorityNames: ReadonlyMap<ServiceTermsInit['priority'], string> = new Map([
  ['PRIORITY_LOW', 'low'],
  ['PRIORITY_HIGH', 'high'],
]);
