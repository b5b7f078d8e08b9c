import { assert, ServingError } from '@sluice/shared';
import type { LiveSequence } from './live-sequence.js';
import type { ModelPort } from './model-port.js';
import { logprobsOf } from './sampling/sampler.js';
import type { Logprobs, PromptWish, SequenceEvent } from './sequence.js';
import { keptTokensIn, type LogitsRow, type LogitsWant, type StepOutput, type StepPlan } from './step-plan.js';
import { requireNumbers } from './take-token.js';

/** What a pass computed of a slice of a prompt. */
export interface ReadSlice {
  /** Of the whole prompt. */
  readonly promptIds: readonly number[];
  /** Where the slice begins and ends in it. */
  readonly start: number;
  readonly end: number;
  /** Of the last of its tokens, as many as were wanted. */
  readonly rows: readonly LogitsRow[];
  readonly want: LogitsWant;
  /** [{@link PromptReport.stateTokens}, hidden], row-major, as passes give them; undefined where there are none. */
  readonly hidden: Float32Array | undefined;
}

/**
 * What a sequence tells of its own prompt, read slice by slice as it is computed. What was read stays read: a sequence that
 * is preempted and computes its prompt anew tells nothing twice, and what is not read yet never comes out of the cache,
 * where it would not be computed.
 */
export class PromptReport {
  readonly #wish: PromptWish;
  readonly #promptTokens: number;
  /** Positions of the prompt whose rows and hidden states have been read. */
  #read = 0;
  /** [hidden]: of all positions read, or the last one. 64-bit, so that no cut of the prompt changes the sum. */
  #pooled: Float64Array | undefined;

  constructor(wish: PromptWish, promptTokens: number) {
    this.#wish = wish;
    this.#promptTokens = promptTokens;
  }

  /** Whether all of the prompt has been read. */
  get isWhole(): boolean {
    return this.#read === this.#promptTokens;
  }

  /** Whether each token of a chunk has a wanted row. */
  get wantsRows(): boolean {
    return this.#wish.logprobsTop !== undefined;
  }

  /** Tokens at the beginning of the prompt that it does not need to see computed. */
  get reusableTokens(): number {
    return this.#wish.logprobsTop === undefined && this.#wish.pooling !== 'mean' ? this.#promptTokens : this.#read;
  }

  /** Rows wanted at the end of a slice. */
  wantTokens(start: number, end: number): number {
    return this.wantsRows && !this.isWhole ? this.#unread(start, end) : 0;
  }

  /** Hidden states wanted at the end of a slice. */
  stateTokens(start: number, end: number): number {
    if (this.#wish.pooling === 'mean') return this.#unread(start, end);
    return this.#wish.pooling === 'last' && !this.isWhole && end === this.#promptTokens ? 1 : 0;
  }

  /**
   * @returns the log-probabilities that the slice gives, in order; with those of the first slice the first token, of which
   * nothing is known.
   * @throws ServingError `engine_failed` for what is not made of numbers.
   */
  read(slice: ReadSlice): Logprobs[] {
    if (this.isWhole) return [];
    const told = this.wantsRows ? this.#logprobs(slice) : [];
    this.#pool(slice);
    this.#read = Math.max(this.#read, slice.end);
    return told;
  }

  /**
   * Of the whole prompt, once it is read, of length 1; undefined where none was asked for.
   * @param model whose hidden states were read.
   * @throws ServingError `engine_failed` where there is no direction.
   */
  embedding(model: Pick<ModelPort, 'turnBack'>): Float32Array | undefined {
    if (this.#pooled === undefined) return undefined;
    const pooled = this.#pooled.slice();
    const state = model.turnBack?.(pooled) ?? pooled;
    const length = Math.sqrt(state.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0 && Number.isFinite(length))) {
      throw new ServingError('engine_failed', `the model gave no embedding: its length is ${length}`);
    }
    return Float32Array.from(state, (value) => value / length);
  }

  #logprobs({ promptIds, end, rows, want }: ReadSlice): Logprobs[] {
    const top = this.#wish.logprobsTop ?? 0;
    const told: Logprobs[] = this.#read === 0 ? [{ tokenId: promptIds[0]!, logprob: 0, top: [] }] : [];
    for (let position = Math.max(this.#read, end - rows.length); position < end; position++) {
      const tokenId = promptIds[position + 1];
      if (tokenId === undefined) break;
      const row = rows[rows.length - (end - position)]!;
      requireNumbers(row);
      told.push(logprobsOf(row, want, tokenId, top));
    }
    return told;
  }

  #pool({ start, end, hidden }: ReadSlice): void {
    const states = this.stateTokens(start, end);
    if (states === 0) return;
    assert(hidden !== undefined, 'a model without hidden states was asked for an embedding');
    const width = hidden.length / states;
    this.#pooled ??= new Float64Array(width);
    const pooled = this.#pooled;
    for (let row = 0; row < hidden.length; row += width) {
      for (let i = 0; i < width; i++) pooled[i]! += hidden[row + i]!;
    }
  }

  /** Tokens of a slice that have not been read. */
  #unread(start: number, end: number): number {
    return Math.max(0, end - Math.max(start, this.#read));
  }
}

type PromptEvent = Extract<SequenceEvent, { kind: 'prompt' }>;

/**
 * What a pass tells of the prompt of a sequence that has computed a slice of it; undefined: nothing.
 * @throws ServingError `engine_failed` for what is not made of numbers.
 */
export function tellPrompt(
  sequence: LiveSequence,
  slice: Pick<ReadSlice, 'start' | 'end' | 'rows' | 'hidden'>,
  model: Pick<ModelPort, 'turnBack'>,
): PromptEvent | undefined {
  const { promptReport, request, want, promptTokens, cachedPromptTokens } = sequence;
  const isNews = promptReport?.isWhole === false;
  const logprobs = promptReport?.read({ ...slice, promptIds: request.promptIds, want }) ?? [];
  const isEnd = slice.end === promptTokens;
  const embedding = isEnd && isNews ? promptReport?.embedding(model) : undefined;
  if (logprobs.length === 0 && embedding === undefined && !(isEnd && sequence.endsWithPrompt)) return undefined;
  return { kind: 'prompt', id: request.id, logprobs, embedding, cachedTokens: cachedPromptTokens };
}

/** Of a pass's hidden states, those that were asked for of one of its chunks; undefined: none. */
export function hiddenOf({ decodes, chunks }: StepPlan, chunk: number, output: StepOutput): Float32Array | undefined {
  const { stateTokens = 0 } = chunks[chunk]!;
  if (stateTokens === 0 || output.hidden === undefined) return undefined;
  const { hidden } = output;
  const width = hidden.length / keptTokensIn([...decodes, ...chunks]);
  const end = keptTokensIn([...decodes, ...chunks.slice(0, chunk + 1)]);
  return hidden.subarray((end - stateTokens) * width, end * width);
}
