import { connect, type Socket } from 'node:net';
import { build, type Histogram } from 'hdr-histogram-js';
import { AnswerReader } from './answer-reader.js';
import { MODEL, PROMPT } from './mock-text.js';

/** What the load is; the process gets it as JSON in its first argument. */
export interface StreamLoad {
  readonly port: number;
  /** Connections, each with one request at a time. */
  readonly streams: number;
  readonly requestsPerStream: number;
  /** 1: not streamed. */
  readonly tokens: number;
  /** The connections begin evenly over so many milliseconds. */
  readonly rampMs: number;
  /** A request that has not ended after so many milliseconds counts as an error. */
  readonly requestMsMax: number;
  /** Beyond those that all gateways get. */
  readonly headers: Readonly<Record<string, string>>;
  /** The tokens are numbered, and a text in which one is missing or comes twice is not complete. */
  readonly isNumbered: boolean;
}

/** What it found; the process prints it as one line of JSON, and before it {@link HALF_WAY} when half the tokens came. */
export interface StreamLoadResult {
  readonly requests: number;
  readonly complete: number;
  /** Ended without an error, but not by `[DONE]` or without all tokens. */
  readonly truncated: number;
  readonly errors: number;
  /** Those among the errors that came as an event in a stream that had begun. */
  readonly errorEvents: number;
  /** Up to five different ones. */
  readonly faults: readonly string[];
  readonly tokens: number;
  readonly wallMs: number;
  readonly ttftMs: { readonly p50: number; readonly p99: number };
  readonly gapMs: { readonly p50: number; readonly p99: number };
  /** Of the load generator, on its one core; near 1 it measures itself. */
  readonly loadBusyRatio: number;
}

export const HALF_WAY = 'half way';

/** Tenths of milliseconds. */
const histogram = (): Histogram => build({ lowestDiscernibleValue: 1, highestTrackableValue: 6_000_000 });
const tenths = (ms: number): number => Math.max(1, Math.round(ms * 10));

/** Plain sockets, and an AnswerReader for each answer. */
class Load {
  readonly #load: StreamLoad;
  readonly #request: string;
  readonly #ttft = histogram();
  readonly #gaps = histogram();
  readonly #faults = new Set<string>();
  readonly counts = { requests: 0, complete: 0, truncated: 0, errors: 0, errorEvents: 0, tokens: 0 };
  #tokensToHalf: number;

  constructor(load: StreamLoad) {
    this.#load = load;
    this.#tokensToHalf = Math.floor((load.streams * load.requestsPerStream * load.tokens) / 2);
    const body = JSON.stringify({
      model: MODEL,
      messages: [{ role: 'user', content: PROMPT }],
      max_tokens: load.tokens,
      temperature: 0,
      ...(load.tokens > 1 ? { stream: true } : {}),
    });
    this.#request = [
      'POST /v1/chat/completions HTTP/1.1',
      `host: 127.0.0.1:${load.port}`,
      'content-type: application/json',
      'authorization: Bearer sk-none',
      ...Object.entries(load.headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n');
  }

  async run(): Promise<StreamLoadResult> {
    const { streams, rampMs } = this.#load;
    const startMs = performance.now();
    const cpuBefore = process.cpuUsage();
    await Promise.all(
      Array.from({ length: streams }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, (rampMs * index) / streams));
        for (let left = this.#load.requestsPerStream; left > 0; ) left = await this.#connection(left);
      }),
    );
    const wallMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    const at = (from: Histogram, percentile: number): number => from.getValueAtPercentile(percentile) / 10;
    return {
      ...this.counts,
      faults: [...this.#faults],
      wallMs,
      ttftMs: { p50: at(this.#ttft, 50), p99: at(this.#ttft, 99) },
      gapMs: { p50: at(this.#gaps, 50), p99: at(this.#gaps, 99) },
      loadBusyRatio: (user + system) / 1000 / wallMs,
    };
  }

  /** Requests one after the other on one connection, as long as it holds. Resolves with how many are left to do. */
  #connection(left: number): Promise<number> {
    return new Promise((resolve) => {
      const { port, requestMsMax, isNumbered } = this.#load;
      const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let remaining = left;
      // The first one also waits for the connection.
      let sentMs = performance.now();
      let lastMs = sentMs;
      let reader = new AnswerReader(isNumbered);
      socket.setTimeout(requestMsMax);
      const next = (): void => {
        reader = new AnswerReader(isNumbered);
        socket.write(this.#request);
      };
      const over = (fault?: string): void => {
        remaining -= 1;
        this.#settle(reader, fault);
      };
      const close = (fault?: string): void => {
        if (socket.destroyed) return;
        over(fault);
        socket.destroy();
        resolve(remaining);
      };
      socket.on('connect', next);
      socket.on('timeout', () => close(`no end within ${requestMsMax} ms`));
      socket.on('error', (error) => close(error.message));
      socket.on('end', () => close());
      socket.on('data', (data) => {
        const isFirst = reader.tokens === 0;
        const found = reader.read(data);
        if (found > 0) {
          const nowMs = performance.now();
          if (isFirst) this.#ttft.recordValue(tenths(nowMs - sentMs));
          else this.#gaps.recordValue(tenths(nowMs - lastMs));
          lastMs = nowMs;
          this.#countTokens(found);
        }
        if (!reader.isOver) return;
        if (reader.status !== 200 || remaining === 1) return close();
        over();
        sentMs = lastMs = performance.now();
        next();
      });
    });
  }

  #countTokens(found: number): void {
    this.counts.tokens += found;
    if (this.#tokensToHalf <= 0) return;
    this.#tokensToHalf -= found;
    if (this.#tokensToHalf <= 0) process.stdout.write(`${HALF_WAY}\n`);
  }

  #settle(reader: AnswerReader, fault: string | undefined): void {
    const { tokens: wanted, isNumbered } = this.#load;
    const { counts } = this;
    counts.requests += 1;
    if (reader.status !== 200) {
      counts.errors += 1;
      this.#fault(reader.status === 0 ? (fault ?? 'no answer') : `status ${reader.status}`);
    } else if (reader.hasError) {
      counts.errors += 1;
      counts.errorEvents += 1;
      this.#fault('an error in the stream');
    } else if (reader.tokens !== wanted || (wanted > 1 && !reader.isDone)) {
      counts.truncated += 1;
      this.#fault(fault ?? `ended after ${reader.tokens} of ${wanted} tokens`);
    } else if (isNumbered && !reader.countsUp()) {
      counts.truncated += 1;
      this.#fault('tokens lost, repeated or out of turn');
    } else counts.complete += 1;
  }

  #fault(fault: string): void {
    if (this.#faults.size < 5) this.#faults.add(fault);
  }
}

if (process.argv[2]?.startsWith('{') === true) {
  const result = await new Load(JSON.parse(process.argv[2]) as StreamLoad).run();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
