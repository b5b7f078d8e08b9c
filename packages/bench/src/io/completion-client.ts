import { Agent } from 'undici';
import { type RequestRecord, StreamTally } from '../load/stream-tally.js';

/** How long a server may say nothing before the request counts as failed. Long prompts in a full queue take minutes. */
const silenceMsMax = 300_000;
const errorBodyBytesMax = 2_000;

export interface CompletionRequest {
  readonly promptIds: readonly number[];
  readonly outputTokens: number;
}

export interface CompletionClientOptions {
  /** `http://host:port`. */
  readonly url: string;
  /** The `model` of each request; left out if undefined. */
  readonly model?: string | undefined;
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
  readonly #nowMs: () => number;
  readonly #agent = new Agent({ pipelining: 1, connections: null });

  constructor(options: CompletionClientOptions) {
    this.#url = options.url;
    this.#model = options.model;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Never rejects: what goes wrong is in the record. */
  send(request: CompletionRequest): Promise<RequestRecord> {
    const body = JSON.stringify({
      model: this.#model,
      prompt: request.promptIds,
      max_tokens: request.outputTokens,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    });
    const expected = { promptTokens: request.promptIds.length, outputTokens: request.outputTokens };
    const tally = new StreamTally(expected, this.#nowMs());
    return new Promise((resolve) => this.#dispatch(body, tally, () => resolve(tally.finish())));
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #dispatch(body: string, tally: StreamTally, over: () => void): void {
    let status = 0;
    let errorBody = '';
    this.#agent.dispatch(
      {
        origin: this.#url,
        path: '/v1/completions',
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
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
