import { type LoadState, ServingError } from '@sluice/shared';
import type { EnginePort, StepListener } from '../../engine/engine-port.js';
import type { EngineFinishReason, SequenceEvent, SequenceRequest } from '../../engine/sequence.js';

interface Scripted {
  readonly request: SequenceRequest;
  readonly answer: readonly number[];
  generated: number;
  /** Tokens of the prompt that were told of. */
  told: number;
  isCancelled: boolean;
}

/** Of every token. */
const timeliness = { isTtftMet: true, isTbtMet: false };

/**
 * An engine whose steps and answers the test decides: each {@link step} gives every sequence its next token. A sequence
 * answers with its prompt backwards, or with `answer(prompt)`.
 */
export class ScriptedEngine implements EnginePort {
  readonly contextTokens: number;
  readonly submitted: SequenceRequest[] = [];
  readonly cancelled: string[] = [];
  answer: (promptIds: readonly number[]) => readonly number[] = (promptIds) => promptIds.toReversed();
  /** Of each prompt, found in the cache. */
  cachedTokens = 0;
  /** What the next submits are refused with. */
  refusal: ServingError | undefined;
  onStep: StepListener = () => {};
  readonly #live = new Map<string, Scripted>();
  readonly #drained: (() => void)[] = [];
  #isDraining = false;
  #steps = 0;

  constructor(contextTokens = 64) {
    this.contextTokens = contextTokens;
  }

  get liveCount(): number {
    return this.#live.size;
  }

  submit(request: SequenceRequest): ServingError | undefined {
    if (this.refusal !== undefined) return this.refusal;
    if (this.#isDraining) return new ServingError('draining', 'the worker takes no new requests');
    this.submitted.push(request);
    const generated = request.generatedIds?.length ?? 0;
    this.#live.set(request.id, {
      request,
      answer: this.answer(request.promptIds),
      generated,
      told: 0,
      isCancelled: false,
    });
    return undefined;
  }

  cancel(id: string): void {
    const sequence = this.#live.get(id);
    if (sequence === undefined) return;
    this.cancelled.push(id);
    sequence.isCancelled = true;
  }

  load(): LoadState {
    return {
      state: this.#isDraining ? 'draining' : 'ready',
      running: this.#live.size,
      waiting: 0,
      prefillTokensWaiting: 0,
      kvTokensUsed: 0,
      kvTokensMax: 1_024,
      slotsMax: 16,
      prefillTokensPerSecond: 0,
      decodeTokensPerSecond: 0,
      stepMs: 1,
      stepErrorRatio: 0,
      preemptionsCopied: 0,
      preemptionsRecomputed: 0,
      swapBytesUsed: 0,
      hostGapP50Ms: 0,
      hostGapP99Ms: 0,
      tokensDrafted: 0,
      tokensAccepted: 0,
      steps: this.#steps,
    };
  }

  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  async close(): Promise<void> {
    this.#live.clear();
  }

  step(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.#steps += 1;
      this.onStep([...this.#live.values()].flatMap((sequence) => this.#advance(sequence)));
    }
    if (this.#live.size === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  fail(error: ServingError): void {
    const events = [...this.#live.keys()].map((id): SequenceEvent => ({ kind: 'failed', id, error }));
    this.#live.clear();
    this.onStep(events);
  }

  #advance(sequence: Scripted): SequenceEvent[] {
    const { id, tokensMax, stopTokenIds, logprobsTop } = sequence.request;
    const { cachedTokens } = this;
    if (sequence.isCancelled) return [this.#finish(sequence, 'cancelled')];
    const { promptIds, promptWish } = sequence.request;
    if (sequence.told < promptIds.length && (promptWish !== undefined || tokensMax === 0)) {
      return this.#tell(sequence);
    }
    const tokenId = sequence.answer[sequence.generated];
    if (tokenId === undefined) return [this.#finish(sequence, 'length')];
    sequence.generated += 1;
    const top = Array.from({ length: logprobsTop ?? 0 }, (_, rank) => ({ tokenId: rank + 97, logprob: -rank - 1 }));
    const logprobs = logprobsTop === undefined ? undefined : { tokenId, logprob: -0.5, top };
    const events: SequenceEvent[] = [{ kind: 'token', id, tokenId, logprobs, cachedTokens, timeliness }];
    if (stopTokenIds.has(tokenId)) events.push(this.#finish(sequence, 'stop'));
    else if (sequence.generated === tokensMax) events.push(this.#finish(sequence, 'length'));
    return events;
  }

  /** Two tokens of the prompt a step. */
  #tell(sequence: Scripted): SequenceEvent[] {
    const { id, promptIds, promptWish, tokensMax } = sequence.request;
    const first = sequence.told;
    sequence.told = Math.min(promptIds.length, first + 2);
    const isWhole = sequence.told === promptIds.length;
    const logprobs = promptIds.slice(first, sequence.told).map((tokenId, index) => ({
      tokenId,
      logprob: 0 - first - index,
      top: [],
    }));
    const event: SequenceEvent = {
      kind: 'prompt',
      id,
      logprobs: promptWish?.logprobsTop === undefined ? [] : logprobs,
      embedding: isWhole && promptWish?.pooling !== undefined ? Float32Array.of(0.6, 0.8) : undefined,
      cachedTokens: this.cachedTokens,
    };
    return isWhole && tokensMax === 0 ? [event, this.#finish(sequence, 'length')] : [event];
  }

  #finish(sequence: Scripted, reason: EngineFinishReason): SequenceEvent {
    this.#live.delete(sequence.request.id);
    return { kind: 'finished', id: sequence.request.id, reason, completionTokens: sequence.generated, timeliness };
  }
}
