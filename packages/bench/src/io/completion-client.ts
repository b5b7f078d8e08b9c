import { Agent } from 'undici';
import { type RequestRecord, StreamTally, type StreamWatch } from '../load/stream-tally.js';

/** How long a server may say nothing before the request counts as failed. Long prompts in a full queue take minutes. */
const silenceMsMax = 300_000;
const errorBodyBytesMax = 2_000;

export interface CompletionRequest {
  readonly promptIds: readonly number[];
  readonly outputTokens: number;
  /** Beside those of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CompletionClientOptions {
  /** `http://host:port`. */
  readonly url: string;
  /** The `model` of each request; left out if undefined. */
  readonly model?: string | undefined;
  /** Further fields of each body, for what only one server knows. */
  readonly fields?: object;
  /** Default: the process's monotonic clock. */
  readonly nowMs?: () => number;
}

/**
 * Sends streamed completions and accounts for what comes back. One connection a request, closed after it: llama-server
 * closes them anyway, without a word, and all subjects are treated alike.
 */
export class CompletionClient {
  readonly #url: string;
  readonly #model: string | undefined;
  readonly #fields: object;
  readonly #nowMs: () => number;
  readonly #agent = new Agent({ pipelining: 1, connections: null });

  constructor(options: CompletionClientOptions) {
    this.#url = options.url;
    this.#model = options.model;
    this.#fields = options.fields ?? {};
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Never rejects: what goes wrong is in the record. What is open when the client is closed fails at once. */
  send(request: CompletionRequest, watch?: StreamWatch): Promise<RequestRecord> {
    const body = JSON.stringify({
      model: this.#model,
      prompt: request.promptIds,
      max_tokens: request.outputTokens,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
      ...this.#fields,
    });
    const expected = { promptTokens: request.promptIds.length, outputTokens: request.outputTokens };
    const tally = new StreamTally(expected, this.#nowMs(), watch);
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream', ...request.headers };
    return new Promise((resolve) => this.#dispatch(body, headers, tally, () => resolve(tally.finish())));
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #dispatch(body: string, headers: Readonly<Record<string, string>>, tally: StreamTally, over: () => void): void {
    let status = 0;
    let errorBody = '';
    this.#agent.dispatch(
      {
        origin: this.#url,
        path: '/v1/completions',
        method: 'POST',
        headers,
        body,
        reset: true,
        headersTimeout: silenceMsMax,
        bodyTimeout: silenceMsMax,
      },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, statusCode) => {
          status = statusCode;
        },
        onResponseData: (_controller, bytes) => {
          if (status === 200) tally.bytes(bytes, this.#nowMs());
          else if (errorBody.length < errorBodyBytesMax) errorBody += bytes.toString('utf8');
        },
        onResponseEnd: () => {
          if (status !== 200) tally.fail(`HTTP ${status}: ${errorBody.slice(0, 300)}`);
          over();
        },
        onResponseError: (_controller, error) => {
          tally.fail(`connection: ${error.message}`);
          over();
        },
      },
    );
  }
}
