import { SseData } from './sse-data.js';

/** What one request came to. Only `complete` ones count into a throughput. */
export interface RequestRecord {
  readonly outcome: 'complete' | 'truncated' | 'failed';
  /** Why, unless complete. */
  readonly reason: string | undefined;
  readonly promptTokens: number;
  /** As the server's `usage` says, else the pieces of text that arrived. */
  readonly outputTokens: number;
  /** Events that carried text: what a reader saw arrive. */
  readonly textEvents: number;
  /** From the moment the request was sent to its first text; undefined when none came. */
  readonly ttftMs: number | undefined;
  /** Between one event with text and the next; one fewer than `textEvents`. */
  readonly gapsMs: readonly number[];
  /** What the server says that its prompt took, queue left out (llama-server's `timings.prompt_ms`); undefined: nothing. */
  readonly promptMs?: number | undefined;
}

/** Told of a stream while it runs. */
export interface StreamWatch {
  /** The first text, so long after the request was sent. */
  first(ttftMs: number): void;
  /** Every further text, so long after the one before it. */
  gap(gapMs: number): void;
}

export interface RequestExpectation {
  readonly promptTokens: number;
  /** Exactly so many must be generated: fewer is a truncated stream, more a failed one. */
  readonly outputTokens: number;
}

/**
 * Accounts for one streamed completion (`POST /v1/completions`) from its bytes and the moments they arrived. It believes
 * nothing that it can check: a stream is complete only with text, a finish reason, the closing `[DONE]`, exactly the
 * tokens asked for, and, where the server counts them, exactly the prompt tokens sent.
 */
export class StreamTally {
  readonly #expected: RequestExpectation;
  readonly #sentMs: number;
  readonly #watch: StreamWatch | undefined;
  readonly #data = new SseData();
  readonly #gapsMs: number[] = [];
  #textEvents = 0;
  #ttftMs: number | undefined;
  #lastTextMs = 0;
  #failure: string | undefined;
  #finishReason: string | undefined;
  #done = false;
  #usage: Usage | undefined;
  #promptMs: number | undefined;

  constructor(expected: RequestExpectation, sentMs: number, watch?: StreamWatch) {
    this.#expected = expected;
    this.#sentMs = sentMs;
    this.#watch = watch;
  }

  /** Bytes of the response's body, at the moment they arrived. */
  bytes(bytes: Uint8Array, nowMs: number): void {
    if (this.#failure !== undefined) return;
    try {
      for (const payload of this.#data.push(bytes)) this.#event(payload, nowMs);
    } catch (thrown) {
      this.fail(`unreadable stream: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }

  /** The first failure is the one that is kept. */
  fail(reason: string): void {
    this.#failure ??= reason;
  }

  /** To be called once, when the response is over or was cut. */
  finish(): RequestRecord {
    const truncation = this.#truncation();
    const failure = this.#failure ?? (truncation === undefined ? this.#contradiction() : undefined);
    return {
      outcome: failure !== undefined ? 'failed' : truncation !== undefined ? 'truncated' : 'complete',
      reason: failure ?? truncation,
      promptTokens: this.#expected.promptTokens,
      outputTokens: this.#outputTokens(),
      textEvents: this.#textEvents,
      ttftMs: this.#ttftMs,
      gapsMs: this.#gapsMs,
      promptMs: this.#promptMs,
    };
  }

  #event(payload: string, nowMs: number): void {
    if (payload === '[DONE]') {
      this.#done = true;
      return;
    }
    const chunk = JSON.parse(payload) as CompletionChunk;
    if (chunk.error) this.fail(`error event: ${chunk.error.message ?? payload}`);
    if (chunk.usage) this.#usage = chunk.usage;
    this.#promptMs = chunk.timings?.prompt_ms ?? this.#promptMs;
    const choice = chunk.choices?.[0];
    if (choice?.finish_reason) this.#finishReason = choice.finish_reason;
    if (choice?.text) this.#text(nowMs);
  }

  #text(nowMs: number): void {
    if (this.#ttftMs === undefined) {
      this.#ttftMs = nowMs - this.#sentMs;
      this.#watch?.first(this.#ttftMs);
    } else {
      const gapMs = nowMs - this.#lastTextMs;
      this.#gapsMs.push(gapMs);
      this.#watch?.gap(gapMs);
    }
    this.#lastTextMs = nowMs;
    this.#textEvents += 1;
  }

  #outputTokens(): number {
    return this.#usage?.completion_tokens ?? this.#textEvents;
  }

  #truncation(): string | undefined {
    const tokens = this.#outputTokens();
    if (tokens < this.#expected.outputTokens) return `${tokens} of ${this.#expected.outputTokens} tokens`;
    if (this.#textEvents === 0) return 'no text';
    if (this.#finishReason === undefined) return 'no finish_reason';
    if (!this.#done) return 'no [DONE]';
    return undefined;
  }

  /** Why a stream that looks whole must not be counted. */
  #contradiction(): string | undefined {
    const { promptTokens, outputTokens } = this.#expected;
    const tokens = this.#outputTokens();
    if (tokens > outputTokens) return `${tokens} tokens came, ${outputTokens} were asked for`;
    const prompt = this.#usage?.prompt_tokens ?? promptTokens;
    if (prompt !== promptTokens) return `usage says ${prompt} prompt tokens, ${promptTokens} were sent`;
    return undefined;
  }
}

interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
}

interface CompletionChunk {
  readonly error?: { readonly message?: string };
  readonly usage?: Usage | null;
  readonly timings?: { readonly prompt_ms?: number };
  readonly choices?: readonly { readonly text?: string; readonly finish_reason?: string | null }[];
}
