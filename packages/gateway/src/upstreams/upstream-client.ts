/** As HTTP gives them: names in lower case. */
export type UpstreamHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Hears one exchange: a head, data, then an end or an error; nothing after that or after an abort. */
export interface UpstreamListener {
  onHead(status: number, headers: UpstreamHeaders): void;
  onData(bytes: Uint8Array): void;
  onEnd(): void;
  /** @param wasSent whether the upstream may have got the request. */
  onError(cause: Error, wasSent: boolean): void;
}

export interface UpstreamExchange {
  /** Closes the connection, unless the exchange is over. */
  abort(): void;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly body: string;
}

/** Requests to one upstream. The real one is io/undici-upstream-client.ts. */
export interface UpstreamClient {
  /** Calls nothing before it returns. */
  post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    listener: UpstreamListener,
  ): UpstreamExchange;
  /** @throws Error when there is no whole answer of at most `bytesMax` bytes within `timeoutMs`. */
  get(path: string, limits: { readonly bytesMax: number; readonly timeoutMs: number }): Promise<UpstreamAnswer>;
  /** Ends everything that is under way. */
  close(): void;
}
