import type { DeltaInit, FailedInit, FinishedInit, TokenLogprobInit } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import type { EngineFinishReason, Logprobs, SequenceEvent, Timeliness, TokenLogprob } from '../engine/sequence.js';
import type { IncrementalDetokenizer } from '../text/incremental-detokenizer.js';
import { StopStrings } from '../text/stop-strings.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Outlet } from './delta-buffer.js';
import type { ParsedRequest } from './generate-request.js';
import { failedMessage, finishReasons, objectiveOutcome } from './messages.js';
import { invalid } from './ranges.js';

type TokenEvent = Extract<SequenceEvent, { kind: 'token' }>;
type PromptEvent = Extract<SequenceEvent, { kind: 'prompt' }>;

/** A GenerateEvent that still grows. */
interface PendingEvent {
  accepted: { promptTokens: number } | null;
  readonly tokenIds: number[];
  text: string;
  readonly logprobs: TokenLogprobInit[];
  promptReport?: { logprobs: TokenLogprobInit[]; embedding: number[] };
  finished?: FinishedInit;
  failed?: FailedInit;
}

/** Text state of a sequence in the engine. */
interface Running {
  readonly request: ParsedRequest;
  readonly promptTokens: number;
  readonly detokenizer: IncrementalDetokenizer;
  readonly stopStrings: StopStrings;
}

/**
 * One request from its submit to its last delta; turns the engine's tokens into text.
 *
 * States: preparing (the prompt is being tokenized) → running (in the engine, {@link accept}) → ended ({@link finish},
 * {@link fail}, {@link abandon}). Preparing may end at once. After the end nothing is added to the outlet's buffer.
 */
export class LiveRequest {
  /** Chosen by the gateway; 0 where there is no multiplexing. */
  readonly wireId: number;
  /** Its name in the engine. */
  readonly sequenceId: string;
  readonly outlet: Outlet;
  readonly #tokenizer: Tokenizer;
  #running: Running | undefined;
  #hasEnded = false;
  #failure: ServingError | undefined;
  #completionTokens = 0;
  #cachedTokens = 0;
  #timeliness: Timeliness | undefined;
  #pending: PendingEvent | undefined;

  constructor(wireId: number, sequenceId: string, outlet: Outlet, tokenizer: Tokenizer) {
    this.wireId = wireId;
    this.sequenceId = sequenceId;
    this.outlet = outlet;
    this.#tokenizer = tokenizer;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why it ended, if it failed. */
  get failure(): ServingError | undefined {
    return this.#failure;
  }

  get isRunning(): boolean {
    return this.#running !== undefined && !this.#hasEnded;
  }

  /**
   * The engine has taken it.
   * @throws ServingError `invalid_request` when the tokens generated elsewhere hold a stop string: that was the end.
   */
  accept(request: ParsedRequest, promptTokens: number): void {
    const running: Running = {
      request,
      promptTokens,
      detokenizer: this.#tokenizer.detokenizer({
        special: request.includeStop || request.showsControl,
        startsText: request.prompt.kind === 'messages' && !request.prompt.chat.continuesFinal,
      }),
      stopStrings: new StopStrings(request.stopStrings),
    };
    this.#running = running;
    for (const tokenId of request.generatedIds) replay(running, this.#textOf(tokenId, running));
    this.#completionTokens = request.generatedIds.length;
    this.#open().accepted = { promptTokens };
  }

  /** Adds what was computed of the prompt itself. */
  prompt({ logprobs, embedding, cachedTokens }: PromptEvent): void {
    if (this.#running === undefined || this.#hasEnded) return;
    this.#cachedTokens = cachedTokens;
    if (logprobs.length === 0 && embedding === undefined) return;
    const pending = this.#open();
    pending.promptReport ??= { logprobs: [], embedding: [] };
    for (const one of logprobs) {
      pending.promptReport.logprobs.push(this.#logprobsMessage(one));
      this.outlet.buffer.grow(24 * (1 + one.top.length));
    }
    if (embedding === undefined) return;
    pending.promptReport.embedding = [...embedding];
    this.outlet.buffer.grow(4 * embedding.length);
  }

  /** Adds a generated token. True when its text met a stop string, which ends the request here. */
  token(event: TokenEvent): boolean {
    const running = this.#running;
    if (running === undefined || this.#hasEnded) return false;
    this.#completionTokens += 1;
    this.#cachedTokens = event.cachedTokens;
    this.#timeliness = event.timeliness;
    const pending = this.#open();
    const { text, stop } = running.stopStrings.push(this.#textOf(event.tokenId, running));
    pending.tokenIds.push(event.tokenId);
    pending.text += text;
    // A UTF-16 unit is at most three bytes of UTF-8, a token id at most three of a varint.
    this.outlet.buffer.grow(3 + 3 * text.length);
    if (event.logprobs !== undefined) {
      pending.logprobs.push(this.#logprobsMessage(event.logprobs));
      this.outlet.buffer.grow(24 * (1 + event.logprobs.top.length));
    }
    if (stop === undefined) return false;
    this.#end().finished = this.#finished('stop', this.#completionTokens, stop);
    return true;
  }

  /** The engine is done with it, or it was cancelled before the engine had it. */
  finish(reason: EngineFinishReason, completionTokens: number): void {
    if (this.#hasEnded) return;
    // Whether text that is held back belongs to the answer is open where the answer was cut: nobody is told of it.
    const stopString = reason === 'cancelled' ? undefined : this.#flushText();
    this.#end().finished = this.#finished(stopString === undefined ? reason : 'stop', completionTokens, stopString);
  }

  fail(error: ServingError): void {
    if (this.#hasEnded) return;
    this.#failure = error;
    this.#end().failed = failedMessage(error);
    this.outlet.buffer.grow(3 * error.message.length);
  }

  /** Nobody reads it any more. */
  abandon(): void {
    this.#hasEnded = true;
  }

  /** For the outlet's buffer: what was gained since the last call. */
  takeDelta(): DeltaInit {
    const event = this.#pending;
    this.#pending = undefined;
    return { id: this.wireId, event: event ?? {} };
  }

  #open(): PendingEvent {
    if (this.#pending === undefined) {
      this.#pending = { accepted: null, tokenIds: [], text: '', logprobs: [] };
      this.outlet.buffer.add(this);
    }
    return this.#pending;
  }

  #end(): PendingEvent {
    const pending = this.#open();
    this.#hasEnded = true;
    this.outlet.requestEnded(this);
    return pending;
  }

  #textOf(tokenId: number, { request, detokenizer }: Running): string {
    const isEnd = request.stopTokenIds.has(tokenId) || this.#tokenizer.endTokenIds.includes(tokenId);
    if (isEnd) return request.includeStop ? detokenizer.push(tokenId) : '';
    // With include_stop the detokenizer writes every control token, and the request asked for the ends only.
    const isForEnds = request.includeStop && !request.showsControl;
    if (isForEnds && this.#tokenizer.tokenBytes(tokenId).length === 0) return '';
    return detokenizer.push(tokenId);
  }

  /** Releases the text held back; returns the stop string that it completes, if it does. */
  #flushText(): string | undefined {
    if (this.#running === undefined) return undefined;
    const { detokenizer, stopStrings } = this.#running;
    const outcome = stopStrings.push(detokenizer.flush());
    const text = outcome.stop === undefined ? outcome.text + stopStrings.flush() : outcome.text;
    if (text !== '') this.#open().text += text;
    return outcome.stop;
  }

  #finished(reason: EngineFinishReason, completionTokens: number, stopString: string | undefined): FinishedInit {
    const timeliness = this.#timeliness;
    const isFromHere = this.#running?.request.generatedIds.length === 0;
    const outcomes = timeliness && {
      ...(isFromHere ? { ttft: objectiveOutcome(timeliness.isTtftMet) } : {}),
      tbt: objectiveOutcome(timeliness.isTbtMet),
    };
    return {
      reason: finishReasons[reason],
      stopString: stopString ?? '',
      promptTokens: this.#running?.promptTokens ?? 0,
      completionTokens,
      cachedTokens: this.#cachedTokens,
      ...outcomes,
    };
  }

  #logprobsMessage(logprobs: Logprobs): TokenLogprobInit {
    const message = this.#logprobMessage(logprobs);
    message.top = logprobs.top.map((candidate) => this.#logprobMessage(candidate));
    return message;
  }

  #logprobMessage({ tokenId, logprob }: TokenLogprob): TokenLogprobInit {
    return { tokenId, token: this.#tokenizer.tokenBytes(tokenId, { special: true }), logprob };
  }
}

/** Brings the text state to where another worker's was; what was complete then has been delivered. */
function replay({ stopStrings }: Running, text: string): void {
  const { stop } = stopStrings.push(text);
  if (stop === undefined) return;
  throw invalid('generated_token_ids', `generated_token_ids hold the stop string ${JSON.stringify(stop)}`);
}
