import { type Binding, releasePages, Tensor } from '@sluice/ort';
import type { Candidates, LogitsRow, LogitsWant } from '../engine/step-plan.js';
import { HIDDEN } from './compile/lane-names.js';

export interface OutputSizes {
  /** Tokens of a pass, and the length of a token's hidden state. */
  readonly stepTokensMax: number;
  readonly hiddenLength: number;
  readonly wantedRowsMax: number;
  readonly vocabularyCount: number;
  readonly candidateCount: number;
}

/** Rows of logits whose memory is kept from pass to pass: more have only passes that score prompts, 200 KB a row or so. */
const KEPT_ROWS = 64;

/**
 * Where a pass leaves its logits and what it found in them. Made once for the largest pass; a row is read where the
 * head wrote it. All graphs of a model write here, one pass at a time.
 */
export class LaneOutputs {
  /** Two for each wanted row: one to sample at its temperature, one for log-probabilities. */
  readonly sampledRowsMax: number;
  readonly #vocabularyCount: number;
  readonly #candidateCount: number;
  /** [wantedRows, vocabulary] */
  readonly #logits: Float32Array;
  /** [wantedRows] */
  readonly #best: Int32Array;
  /** [sampledRows] */
  readonly #logSumExps: Float32Array;
  /** [sampledRows, candidates] each */
  readonly #candidateLogits: Float32Array;
  readonly #candidateIds: Int32Array;
  /** [kept tokens, hidden] */
  readonly #hidden: Float32Array;
  readonly #hiddenLength: number;
  /** Rows that hold memory. */
  #heldRows = 0;
  readonly #bound = new WeakMap<Binding, { keptRows: number; wantedRows: number; sampledRows: number }>();

  constructor({ stepTokensMax, hiddenLength, wantedRowsMax, vocabularyCount, candidateCount }: OutputSizes) {
    this.sampledRowsMax = 2 * wantedRowsMax;
    this.#hiddenLength = hiddenLength;
    this.#hidden = new Float32Array(stepTokensMax * hiddenLength);
    this.#vocabularyCount = vocabularyCount;
    this.#candidateCount = candidateCount;
    this.#logits = new Float32Array(wantedRowsMax * vocabularyCount);
    this.#best = new Int32Array(wantedRowsMax);
    this.#logSumExps = new Float32Array(this.sampledRowsMax);
    this.#candidateLogits = new Float32Array(this.sampledRowsMax * candidateCount);
    this.#candidateIds = new Int32Array(this.sampledRowsMax * candidateCount);
  }

  /** What was left of the last pass is gone. */
  bind(binding: Binding, keptRows: number, wantedRows: number, sampledRows: number): void {
    this.#holdRows(wantedRows);
    const bound = this.#bound.get(binding) ?? { keptRows: -1, wantedRows: -1, sampledRows: -1 };
    if (bound.keptRows !== keptRows) bindOutput(binding, HIDDEN, this.#hidden, [keptRows, this.#hiddenLength]);
    if (bound.wantedRows !== wantedRows) {
      bindOutput(binding, 'logits', this.#logits, [wantedRows, this.#vocabularyCount]);
      bindOutput(binding, 'best', this.#best, [wantedRows]);
    }
    if (bound.sampledRows !== sampledRows) {
      bindOutput(binding, 'log_sum_exps', this.#logSumExps, [sampledRows]);
      bindOutput(binding, 'candidate_logits', this.#candidateLogits, [sampledRows, this.#candidateCount]);
      bindOutput(binding, 'candidate_ids', this.#candidateIds, [sampledRows, this.#candidateCount]);
    }
    this.#bound.set(binding, { keptRows, wantedRows, sampledRows });
  }

  /** Views of the last pass; overwritten by the next. */
  rows(wants: readonly LogitsWant[]): LogitsRow[] {
    let sampled = 0;
    return wants.map(({ temperatures }, row) => {
      const first = sampled;
      sampled += temperatures.length;
      return {
        best: this.#best[row]!,
        logits: this.#logits.subarray(row * this.#vocabularyCount, (row + 1) * this.#vocabularyCount),
        candidates: temperatures.length === 0 ? undefined : this.#candidates(first),
        logSumExps: temperatures.map((_, index) => this.#logSumExps[first + index]!),
      };
    });
  }

  /** Of the kept tokens of the last pass; overwritten by the next. */
  hidden(kept: number): Float32Array {
    return this.#hidden.subarray(0, kept * this.#hiddenLength);
  }

  #holdRows(wantedRows: number): void {
    if (wantedRows > KEPT_ROWS || this.#heldRows <= KEPT_ROWS) {
      this.#heldRows = Math.max(this.#heldRows, wantedRows);
      return;
    }
    const width = this.#vocabularyCount;
    releasePages(this.#logits, KEPT_ROWS * width, (this.#heldRows - KEPT_ROWS) * width);
    this.#heldRows = KEPT_ROWS;
  }

  #candidates(row: number): Candidates {
    const from = row * this.#candidateCount;
    const to = from + this.#candidateCount;
    return { tokenIds: this.#candidateIds.subarray(from, to), logits: this.#candidateLogits.subarray(from, to) };
  }
}

function bindOutput(binding: Binding, name: string, array: Float32Array | Int32Array, shape: readonly number[]): void {
  const tensor = Tensor.over(array, shape);
  binding.bindOutput(name, tensor);
  tensor.dispose();
}
