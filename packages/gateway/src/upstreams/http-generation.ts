import type { GenerateEvent } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import type { ToolUse } from '../tools/tool-use.js';
import { unknownTokenId } from '../workers/worker.js';
import { EventStream } from './event-stream.js';
import { parseObject } from './json-reading.js';
import { UpstreamCallText } from './upstream-calls.js';
import { finishedFrom, readChunk, type UpstreamChunk, type UpstreamUsage } from './upstream-chunk.js';
import type { UpstreamHeaders, UpstreamListener } from './upstream-client.js';
import { errorOfEvent, errorOfReply } from './upstream-error.js';

/** Hears what an answer comes to: events, then nothing after one with `finished` or after a failure. */
export interface HttpGenerationListener {
  onEvent(event: GenerateEvent): void;
  onFailed(error: ServingError): void;
  /** Something came, whatever it is. */
  onBytes(): void;
}

/** Of a reply that says why there is no answer; the rest is not read. */
const errorBytesMax = 65_536;
/** Of one whole answer: more than any context holds. */
const answerBytesMax = 256 * 2 ** 20;

const noUsage: UpstreamUsage = { promptTokens: 0, completionTokens: 0, cachedTokens: undefined };

/**
 * One answer of an upstream: what comes over HTTP, as events. It is whole when the upstream has given a finish reason;
 * counts come behind that, and then `[DONE]`. A stream that ends without a reason was cut, even if it says `[DONE]`.
 *
 *   asked  -> begun      the first text came
 *   asked, begun -> ended   whole, failed or cut
 */
export class HttpGeneration implements UpstreamListener {
  readonly #listener: HttpGenerationListener;
  readonly #isChat: boolean;
  /** Undefined: calls were not asked for. */
  readonly #calls: UpstreamCallText | undefined;
  readonly #events = new EventStream((data) => this.#onData(data));
  #status = 0;
  #headers: UpstreamHeaders = {};
  #errorBody = '';
  #bytes = 0;
  #tokens = 0;
  #hasBegun = false;
  #hasEnded = false;
  #isUnreached = false;
  #finishReason: string | undefined;
  #usage: UpstreamUsage | undefined;

  /** @param tools that the request was sent with. */
  constructor(isChat: boolean, listener: HttpGenerationListener, tools?: ToolUse) {
    this.#isChat = isChat;
    this.#listener = listener;
    this.#calls = tools && new UpstreamCallText(tools);
  }

  /** Whether text has come. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether the upstream has begun to say why there is no answer. */
  get isRefused(): boolean {
    return this.#status !== 0 && this.#status !== 200;
  }

  /** Whether the upstream could not even be asked. */
  get isUnreached(): boolean {
    return this.#isUnreached;
  }

  /** What it said of its prompt's tokens, once it has. */
  get usage(): UpstreamUsage | undefined {
    return this.#usage;
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#headers = headers;
    this.#listener.onBytes();
    if (status !== 200) return;
    const type = String(headers['content-type'] ?? 'nothing');
    const encoding = String(headers['content-encoding'] ?? 'identity');
    if (!/^text\/event-stream\b/i.test(type)) this.#break(`content-type is ${type.slice(0, 100)}`);
    else if (encoding !== 'identity') this.#break(`content-encoding is ${encoding.slice(0, 100)}`);
  }

  onData(bytes: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#listener.onBytes();
    this.#bytes += bytes.length;
    if (this.isRefused) this.#takeErrorBody(bytes);
    else if (this.#bytes > answerBytesMax) this.#break(`the answer has more than ${answerBytesMax} bytes`);
    else {
      try {
        this.#events.push(bytes);
      } catch (cause) {
        this.#break('what came is no stream of events', cause);
      }
    }
  }

  onEnd(): void {
    if (this.#hasEnded) return;
    if (this.isRefused) this.#fail(errorOfReply(this.#status, this.#headers, this.#errorBody));
    else this.#end('the upstream ended its answer in the middle');
  }

  onError(cause: Error, wasSent: boolean): void {
    if (this.#hasEnded) return;
    this.#isUnreached = !wasSent;
    if (this.isRefused) this.#fail(errorOfReply(this.#status, this.#headers, this.#errorBody));
    else if (wasSent) this.#end('the connection to the upstream broke', cause);
    else {
      // It never had the request, so the request is not what is wrong.
      const problem = 'the upstream cannot be reached; the request can be sent again';
      this.#fail(new ServingError('draining', problem, { cause }));
    }
  }

  /** The upstream has taken too long. */
  onSilence(ms: number): void {
    if (!this.#hasEnded) this.#end(`the upstream was silent for ${ms} ms`);
  }

  #takeErrorBody(bytes: Uint8Array): void {
    const room = errorBytesMax - (this.#bytes - bytes.length);
    this.#errorBody += Buffer.from(bytes.subarray(0, Math.max(0, room))).toString('utf8');
    if (this.#bytes > errorBytesMax) this.onEnd();
  }

  #onData(data: string): void {
    if (this.#hasEnded) return;
    if (data.trim() === '[DONE]') {
      this.#end('the upstream ended its answer without a finish_reason');
      return;
    }
    const object = parseObject(data);
    const hasFailed = object?.error !== undefined && object.error !== null;
    const chunk = object === undefined || hasFailed ? undefined : readChunk(object, this.#isChat);
    if (chunk !== undefined) this.#take(chunk);
    else if (object !== undefined && hasFailed) this.#fail(errorOfEvent(object));
    else this.#break('an event is no chunk');
  }

  #take(chunk: UpstreamChunk): void {
    this.#usage = chunk.usage ?? this.#usage;
    this.#finishReason ??= chunk.finishReason;
    const text = this.#calls?.write(chunk.text, chunk.calls) ?? chunk.text;
    if (text === '' && chunk.logprobs.length === 0) return;
    this.#hasBegun = true;
    // Servers send a token a chunk, or say with log-probabilities how many there are.
    const tokens = Math.max(1, chunk.logprobs.length);
    this.#tokens += tokens;
    const tokenIds = new Array<number>(tokens).fill(unknownTokenId);
    this.#listener.onEvent({
      accepted: null,
      tokenIds,
      text,
      logprobs: [...chunk.logprobs],
      promptReport: null,
    });
  }

  /** No more will come. @param problem what is wrong with that if the answer is not whole. */
  #end(problem: string, cause?: unknown): void {
    if (this.#finishReason === undefined) {
      this.#fail(new ServingError('worker_lost', `${problem}; the request can be sent again`, { cause }));
      return;
    }
    const usage = this.#usage ?? { ...noUsage, completionTokens: this.#tokens };
    const finished = finishedFrom(this.#finishReason, usage);
    if (finished === undefined) {
      this.#fail(new ServingError('engine_failed', `the upstream gave up (${this.#finishReason.slice(0, 40)})`));
      return;
    }
    this.#hasEnded = true;
    this.#listener.onEvent({
      accepted: this.#usage === undefined ? null : { promptTokens: usage.promptTokens },
      tokenIds: [],
      text: this.#calls?.end() ?? '',
      logprobs: [],
      promptReport: null,
      finished,
    });
  }

  /** The upstream does not keep to the protocol. */
  #break(problem: string, cause?: unknown): void {
    const error = new Error(problem, { cause });
    this.#fail(new ServingError('engine_failed', 'the upstream does not answer as OpenAI would', { cause: error }));
  }

  #fail(error: ServingError): void {
    this.#hasEnded = true;
    this.#listener.onFailed(error);
  }
}
