import type { ModelLimits } from './model-port.js';

/**
 * A step as data: what one forward pass computes. The scheduler makes it, a model runs it, the engine commits it; the
 * same plan can be run by the real model, by the slow reference or by a simulator.
 *
 *   packed tokens of the pass:   [ decode 0 … | decode 1 … | … | chunk 0 ……… | chunk 1 …… ]
 */
export interface StepPlan {
  /** Of different sequences; through the decode lane. */
  readonly decodes: readonly DecodeRow[];
  /** Slices of prompts, of different sequences; each through a prefill lane of its own. */
  readonly chunks: readonly PrefillChunk[];
  /** Slots that hold a sequence which is in no pass. All others that no plan of a pass under way names are free. */
  readonly resting: readonly RestingSlot[];
}

/** Slots from the lowest to the highest, both included. */
export interface SlotSpan {
  readonly first: number;
  readonly last: number;
}

/**
 * What the decode lane spans, of models that have one: in slots between its decodes it has idle rows, each of which writes
 * one position, and that is the first one where nothing of the slot is computed in the pass. Undefined without decodes.
 */
export function spanOf(
  { decodes }: Pick<StepPlan, 'decodes'>,
  { decodesSpanSlots = true }: Pick<ModelLimits, 'decodesSpanSlots'> = {},
): SlotSpan | undefined {
  if (decodes.length === 0 || !decodesSpanSlots) return undefined;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { slot } of decodes) {
    first = Math.min(first, slot);
    last = Math.max(last, slot);
  }
  return { first, last };
}

export interface RestingSlot {
  readonly slot: number;
  /** Tokens in the slot. */
  readonly position: number;
}

export interface DecodeRow {
  readonly slot: number;
  /**
   * The sequence's next token, and behind it others: known ones, or drafts that the rows of logits will confirm or not.
   * Each is computed as if it were alone in its pass. One beside chunks, else at most the model's `decodeTokensMax`.
   */
  readonly tokenIds: ArrayLike<number>;
  /** Tokens of the sequence already in the slot; the first one's key and value are written at this position. */
  readonly position: number;
  /** What is wanted of the logits of the last `wantTokens` tokens. */
  readonly want: LogitsWant | undefined;
  /** 0 with no want; else 1 and one more for each draft. */
  readonly wantTokens: number;
}

export interface PrefillChunk {
  readonly slot: number;
  /** The slice, in order. At least two tokens, also in the last block (ModelLimits), unless the whole prompt is one. */
  readonly tokenIds: ArrayLike<number>;
  /** Tokens of the sequence already in the slot. */
  readonly position: number;
  /** What is wanted of the logits of the last `wantTokens` tokens of the slice. */
  readonly want: LogitsWant | undefined;
  /** 0 with no want, usually 1; more where a caller scores a text. */
  readonly wantTokens: number;
  /** So many of the slice's last tokens have their hidden states read; none unless said otherwise. */
  readonly stateTokens?: number;
}

/** Rows of logits that are wanted of a decode or chunk. */
export function wantedRows({ want, wantTokens }: Pick<PrefillChunk, 'want' | 'wantTokens'>): number {
  return want === undefined ? 0 : wantTokens;
}

/** Last tokens of a row or slice of which a pass gives anything: a model need compute no more of the others than their cache. */
export function keptTokens(unit: Pick<PrefillChunk, 'want' | 'wantTokens' | 'stateTokens'>): number {
  return Math.max(wantedRows(unit), unit.stateTokens ?? 0);
}

/** {@link keptTokens} of them all. */
export function keptTokensIn(units: readonly (DecodeRow | PrefillChunk)[]): number {
  return units.reduce((tokens, unit) => tokens + keptTokens(unit), 0);
}

/**
 * What is needed of a row of logits. The likeliest token is always there; candidates and a log-sum-exp cost a pass over
 * the vocabulary each, inside the model.
 */
export interface LogitsWant {
  /** Log-sum-exp of logits / temperature for each of these (all above 0), and with at least one, the candidates. */
  readonly temperatures: readonly number[];
}

export const wantBest: LogitsWant = { temperatures: [] };

/** One wanted row, in the order of the plan: those of decodes first, then those of chunks. Valid as {@link StepOutput} is. */
export interface LogitsRow {
  /** The likeliest token; of equals the lowest id. */
  readonly best: number;
  /** [vocabulary]: the whole row, where it lies in the model's output. Reading it costs nothing until it is read. */
  readonly logits: Float32Array;
  /** The likeliest tokens, likeliest first; undefined where no temperature was asked for. */
  readonly candidates: Candidates | undefined;
  /** Parallel to `want.temperatures`. */
  readonly logSumExps: readonly number[];
}

export interface Candidates {
  /** [candidates], by falling logit. */
  readonly tokenIds: Int32Array;
  /** [candidates], raw logits. */
  readonly logits: Float32Array;
}

/** Valid until the executors that computed it run the next pass. */
export interface StepOutput {
  /** One per wanted token: those of each decode in order, then those of each chunk. */
  readonly rows: readonly LogitsRow[];
  /**
   * [kept tokens of the pass, embeddingLength] in packed order ({@link keptTokens}): what the head reads of them, in the
   * coordinates that it has there (`ModelPort.turnBack`). Costs nothing until it is read. Undefined where the model gives none.
   */
  readonly hidden?: Float32Array | undefined;
}
