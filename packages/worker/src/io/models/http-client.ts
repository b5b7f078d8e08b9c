import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { FetchContext } from './fetch-progress.js';
import { reasonOf, SourceError, systemCodeOf } from './source-error.js';

export interface HttpClientOptions {
  /** Milliseconds for TCP and TLS; default 5,000. */
  readonly connectWaitMs?: number;
  /** Milliseconds without a byte after which an answer counts as cut; default 30,000. */
  readonly silenceWaitMs?: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the origin of `url` only, never to where it redirects. */
  readonly token?: string | undefined;
  /** Whether redirects to other origins are followed; those to the same one always are. */
  readonly leaveOrigin?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. Those of the last answer, and what redirects in front of it said of their target (`x-linked-`). */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be read or destroyed. */
  readonly body: Dispatcher.ResponseData['body'];
}

const redirectsMax = 5;

/** HTTP with bounded waits, through the proxy that the usual environment variables name. Close it when done. */
export class HttpClient {
  readonly #agent: Dispatcher;
  readonly #connectWaitMs: number;
  readonly #silenceWaitMs: number;

  constructor(env: FetchContext['env'], options: HttpClientOptions = {}) {
    this.#connectWaitMs = options.connectWaitMs ?? 5000;
    this.#silenceWaitMs = options.silenceWaitMs ?? 30_000;
    this.#agent = new EnvHttpProxyAgent({
      httpProxy: env.http_proxy ?? env.HTTP_PROXY ?? '',
      httpsProxy: env.https_proxy ?? env.HTTPS_PROXY ?? '',
      noProxy: env.no_proxy ?? env.NO_PROXY ?? '',
      connect: { timeout: this.#connectWaitMs },
      headersTimeout: this.#silenceWaitMs,
      bodyTimeout: this.#silenceWaitMs,
    });
  }

  /** @throws SourceError when no answer comes; retryable unless the server could not even be reached. */
  async send(wanted: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const headers = new Map<string, string>();
    const { origin } = new URL(wanted.url);
    let url = new URL(wanted.url);
    for (let redirects = 0; redirects <= redirectsMax; redirects++) {
      const response = await this.#sendOnce(wanted, url, url.origin === origin, signal);
      for (const name of headers.keys()) if (!name.startsWith('x-linked-')) headers.delete(name);
      for (const [name, value] of Object.entries(response.headers)) {
        if (value !== undefined) headers.set(name, String(value));
      }
      const next = redirectTarget(url, response);
      if (next === undefined || (next.origin !== origin && wanted.leaveOrigin !== true)) {
        return { status: response.statusCode, headers, body: response.body };
      }
      await response.body.dump();
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw new SourceError(`${url.origin} redirects to ${next.origin}, which is not encrypted`);
      }
      url = next;
    }
    throw new SourceError(`${origin} redirects more than ${redirectsMax} times`);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #sendOnce(wanted: HttpRequest, url: URL, isOwnOrigin: boolean, signal: AbortSignal) {
    const authorization = wanted.token && isOwnOrigin ? { authorization: `Bearer ${wanted.token}` } : {};
    try {
      const response = await request(url, {
        method: wanted.method,
        headers: { 'user-agent': 'sluice', ...wanted.headers, ...authorization },
        dispatcher: this.#agent,
        signal,
      });
      // A body that is dropped half-way emits an error that nobody may be listening for; readers get theirs all the same.
      response.body.on('error', () => {});
      return response;
    } catch (thrown) {
      signal.throwIfAborted();
      throw this.#failure(url, thrown);
    }
  }

  #failure(url: URL, thrown: unknown): SourceError {
    const code = systemCodeOf(thrown);
    if (code === 'UND_ERR_CONNECT_TIMEOUT') {
      const seconds = this.#connectWaitMs / 1000;
      return new SourceError(`${url.origin} cannot be reached (no connection within ${seconds} s)`, { cause: thrown });
    }
    if (code === 'UND_ERR_HEADERS_TIMEOUT') {
      const seconds = this.#silenceWaitMs / 1000;
      return new SourceError(`${url.origin} did not answer within ${seconds} s`, { retryable: true, cause: thrown });
    }
    if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') {
      return new SourceError(`${url.origin} closed the connection`, { retryable: true, cause: thrown });
    }
    return new SourceError(`${url.origin} cannot be reached (${code ?? reasonOf(thrown)})`, { cause: thrown });
  }
}

function redirectTarget(url: URL, response: Dispatcher.ResponseData): URL | undefined {
  const { location } = response.headers;
  if (response.statusCode < 300 || response.statusCode > 399 || typeof location !== 'string') return undefined;
  const next = new URL(location, url);
  if (next.protocol === 'http:' || next.protocol === 'https:') return next;
  throw new SourceError(`${url.origin} redirects to ${next.protocol}, which cannot be followed`);
}
