import { CommandError } from '../command-error.js';
import { sseData } from './sse.js';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatRequest {
  /** `http://host:port`. */
  readonly url: string;
  /** Undefined: the server asks for none. */
  readonly apiKey?: string | undefined;
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  /** Undefined: as many as the context leaves. */
  readonly tokensMax?: number;
  readonly temperature?: number;
  readonly signal?: AbortSignal;
}

/** An answer that has ended, with what it cost. */
export interface ChatAnswer {
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly completionTokens: number;
  /** Milliseconds from sending the request to its first piece of text. */
  readonly firstTokenMs: number;
  /** Of the tokens after the first; undefined when there was one only. */
  readonly tokensPerSecond: number | undefined;
}

interface StreamChunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
  readonly error?: { readonly message?: string };
}

/**
 * Asks a running server one question through its public endpoint and gives each piece of text to `onText` as it comes.
 *
 * @throws CommandError when nothing answers there, the server refuses, or the stream ends early
 */
export async function streamChat(request: ChatRequest, onText: (text: string) => void = () => {}): Promise<ChatAnswer> {
  const sentMs = performance.now();
  const response = await fetchFrom(request.url, '/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...credentials(request.apiKey) },
    body: JSON.stringify({
      model: request.model,
      messages: request.messages,
      stream: true,
      stream_options: { include_usage: true },
      ...(request.tokensMax === undefined ? {} : { max_tokens: request.tokensMax }),
      ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    }),
    signal: request.signal ?? null,
  });
  let text = '';
  let pieces = 0;
  let completionTokens: number | undefined;
  let finishReason: string | undefined;
  let firstMs: number | undefined;
  let lastMs = sentMs;
  let isDone = false;
  for await (const data of sseData(response.body ?? [])) {
    if (data === '[DONE]') {
      isDone = true;
      break;
    }
    const chunk = JSON.parse(data) as StreamChunk;
    if (chunk.error) throw new CommandError(`the answer broke off: ${chunk.error.message}`);
    completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
    const choice = chunk.choices?.[0];
    finishReason = choice?.finish_reason ?? finishReason;
    const piece = choice?.delta?.content;
    if (!piece) continue;
    lastMs = performance.now();
    firstMs ??= lastMs;
    pieces += 1;
    text += piece;
    onText(piece);
  }
  if (!isDone) throw new CommandError('the answer broke off: the server closed the stream');
  const tokens = completionTokens ?? pieces;
  const firstTokenMs = (firstMs ?? performance.now()) - sentMs;
  const restMs = lastMs - (firstMs ?? lastMs);
  const tokensPerSecond = restMs > 0 && tokens > 1 ? ((tokens - 1) * 1000) / restMs : undefined;
  return { text, finishReason, completionTokens: tokens, firstTokenMs, tokensPerSecond };
}

/**
 * Ids of the models that a running server serves.
 *
 * @throws CommandError when nothing answers there
 */
export async function listModels(url: string, apiKey?: string): Promise<readonly string[]> {
  const response = await fetchFrom(url, '/v1/models', { headers: credentials(apiKey) });
  const list = (await response.json()) as { readonly data?: readonly { readonly id: string }[] };
  return (list.data ?? []).map((model) => model.id);
}

function credentials(apiKey: string | undefined): Record<string, string> {
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}

async function fetchFrom(url: string, path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url + path, init);
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    throw new CommandError(`nothing answers at ${url}; start a server with: sluice up`, { cause: error });
  }
  if (response.ok) return response;
  const body = await response.text();
  throw new CommandError(`${url} answered ${response.status}: ${errorMessage(body) ?? body.slice(0, 200)}`);
}

function errorMessage(body: string): string | undefined {
  try {
    return (JSON.parse(body) as StreamChunk).error?.message;
  } catch {
    return undefined;
  }
}
