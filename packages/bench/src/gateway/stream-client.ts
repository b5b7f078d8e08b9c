import { connect, type Socket } from 'node:net';
import { build, type Histogram } from 'hdr-histogram-js';
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
}

/** What it found; the process prints it as one line of JSON. */
export interface StreamLoadResult {
  readonly requests: number;
  readonly complete: number;
  /** Ended, but not by `[DONE]` or without all tokens. */
  readonly truncated: number;
  readonly errors: number;
  /** Up to five different ones. */
  readonly faults: readonly string[];
  readonly tokens: number;
  readonly wallMs: number;
  readonly ttftMs: { readonly p50: number; readonly p99: number };
  readonly gapMs: { readonly p50: number; readonly p99: number };
}

const tokenMark = Buffer.from('" word"');
const doneMark = Buffer.from('data: [DONE]');
const bodyEnd = Buffer.from('\r\n0\r\n\r\n');

/** Tenths of milliseconds. */
const histogram = (): Histogram => build({ lowestDiscernibleValue: 1, highestTrackableValue: 6_000_000 });
const micro = (ms: number): number => Math.max(1, Math.round(ms * 10));

/**
 * Plain sockets that look for marks in what comes instead of parsing it, so that the load costs less than what it loads.
 */
class Load {
  readonly #load: StreamLoad;
  readonly #head: string;
  readonly #ttft = histogram();
  readonly #gaps = histogram();
  readonly #faults = new Set<string>();
  readonly counts = { requests: 0, complete: 0, truncated: 0, errors: 0, tokens: 0 };

  constructor(load: StreamLoad) {
    this.#load = load;
    const body = JSON.stringify({
      model: MODEL,
      messages: [{ role: 'user', content: PROMPT }],
      max_tokens: load.tokens,
      temperature: 0,
      ...(load.tokens > 1 ? { stream: true } : {}),
    });
    this.#head = [
      'POST /v1/chat/completions HTTP/1.1',
      `host: 127.0.0.1:${load.port}`,
      'content-type: application/json',
      'authorization: Bearer sk-none',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n');
  }

  async run(): Promise<StreamLoadResult> {
    const { streams, rampMs } = this.#load;
    const startMs = performance.now();
    await Promise.all(
      Array.from({ length: streams }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, (rampMs * index) / streams));
        for (let left = this.#load.requestsPerStream; left > 0; ) left = await this.#connection(left);
      }),
    );
    const at = (from: Histogram, percentile: number): number => from.getValueAtPercentile(percentile) / 10;
    return {
      ...this.counts,
      faults: [...this.#faults].slice(0, 5),
      wallMs: performance.now() - startMs,
      ttftMs: { p50: at(this.#ttft, 50), p99: at(this.#ttft, 99) },
      gapMs: { p50: at(this.#gaps, 50), p99: at(this.#gaps, 99) },
    };
  }

  /** Requests one after the other on one connection, as long as it holds. Resolves with how many are left to do. */
  #connection(left: number): Promise<number> {
    return new Promise((resolve) => {
      const { port, tokens: wanted, requestMsMax } = this.#load;
      const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let remaining = left;
      let sentMs = 0;
      let lastMs = 0;
      let tokens = 0;
      let isOk = false;
      let isDone = false;
      /** The end of what was read before, because a mark may be cut. */
      let rest = Buffer.alloc(0);
      const over = (fault?: string): void => {
        remaining -= 1;
        this.counts.requests += 1;
        if (isOk && tokens >= wanted && (isDone || wanted === 1)) this.counts.complete += 1;
        else if (isOk) this.#count('truncated', fault ?? `ended after ${tokens} of ${wanted} tokens`);
        else this.#count('errors', fault ?? 'no answer');
      };
      const next = (): void => {
        sentMs = lastMs = performance.now();
        tokens = 0;
        isOk = isDone = false;
        rest = Buffer.alloc(0);
        socket.setTimeout(requestMsMax);
        socket.write(this.#head);
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
        const nowMs = performance.now();
        if (tokens === 0 && !isOk) {
          isOk = data.subarray(9, 12).toString() === '200';
          if (!isOk) return close(`status ${data.subarray(9, 12).toString()}`);
        }
        const text = rest.length === 0 ? data : Buffer.concat([rest, data]);
        const { found, after } = countMarks(text);
        if (found > 0) {
          if (tokens === 0) this.#ttft.recordValue(micro(nowMs - sentMs));
          else this.#gaps.recordValue(micro(nowMs - lastMs));
          lastMs = nowMs;
          tokens += found;
          this.counts.tokens += found;
        }
        if (text.includes(doneMark)) isDone = true;
        rest = Buffer.from(text.subarray(Math.max(after, text.length - doneMark.length + 1)));
        const isEnd = wanted === 1 ? tokens > 0 : isDone && (text.indexOf(bodyEnd) >= 0 || endsWhole(text));
        if (!isEnd) return;
        over();
        if (remaining > 0) return next();
        socket.destroy();
        resolve(0);
      });
    });
  }

  #count(what: 'truncated' | 'errors', fault: string): void {
    this.counts[what] += 1;
    if (this.#faults.size < 5) this.#faults.add(fault);
  }
}

function countMarks(text: Buffer): { readonly found: number; readonly after: number } {
  let found = 0;
  let after = 0;
  for (let at = text.indexOf(tokenMark); at >= 0; at = text.indexOf(tokenMark, after)) {
    found += 1;
    after = at + tokenMark.length;
  }
  return { found, after };
}

/** A last chunk that came by itself. */
function endsWhole(text: Buffer): boolean {
  return text.subarray(-5).equals(bodyEnd.subarray(2));
}

if (process.argv[2]?.startsWith('{') === true) {
  const result = await new Load(JSON.parse(process.argv[2]) as StreamLoad).run();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
