import { noWork, type StepWork, withChunk, withDecode } from '../engine/cost-model.js';
import {
  type DecodeRow,
  keptTokens,
  keptTokensIn,
  type LogitsRow,
  type PrefillChunk,
  type StepOutput,
  type StepPlan,
  wantedRows,
} from '../engine/step-plan.js';

/** What one of several executors computes of a plan. */
export interface PlanPart {
  readonly plan: StepPlan;
  readonly work: StepWork;
  /** Of the part's rows of logits, in its order: which rows of the whole plan they are. */
  readonly rows: readonly number[];
}

/** Milliseconds that an executor takes; grows with every part of the work. */
export type PartCost = (work: StepWork) => number;

/** Halvings of the span in which the shortest time lies. */
const HALVINGS = 12;

/**
 * Shares a plan out among `count` executors that run side by side, so that the last of them ends soon: a chunk as a whole,
 * the longest first to whoever has least, and decodes by rising slot, each executor those of one run of slots. So no
 * executor's decode lane, which spans from its lowest to its highest slot, covers a slot that another one decodes.
 * Undefined where there is work for one only, or more chunks than executors have room for.
 * @param chunksMax of one executor.
 */
export function splitPlan(
  plan: StepPlan,
  count: number,
  costMs: PartCost,
  chunksMax = 1,
): readonly PlanPart[] | undefined {
  if (plan.chunks.length > count * chunksMax || plan.decodes.length + plan.chunks.length < 2) return undefined;
  const chunks = plan.chunks
    .map((chunk) => ({ chunk, ms: costMs(chunkWork(noWork, chunk)) }))
    .sort((a, b) => b.ms - a.ms)
    .map(({ chunk }) => chunk);
  const parts = Array.from({ length: count }, () => new DraftPart());
  for (const chunk of chunks) leastOf(parts, costMs, chunksMax).takeChunk(chunk);
  const decodes = plan.decodes.toSorted((a, b) => a.slot - b.slot);
  shareOut(decodes, parts, costMs, costMs(wholeWork(plan)));
  const busy = parts.filter(({ isBusy }) => isBusy);
  if (busy.length < 2) return undefined;
  const firstRows = rowsOf(plan);
  return busy.map((part) => part.finish(plan, firstRows));
}

/** All of a plan, for one executor. */
export function wholePart(plan: StepPlan): PlanPart {
  const rows = [...plan.decodes, ...plan.chunks].reduce((count, one) => count + wantedRows(one), 0);
  return { plan, work: wholeWork(plan), rows: Array.from({ length: rows }, (_, row) => row) };
}

/** What a whole plan gives, from what its parts gave. */
export function joinOutputs(plan: StepPlan, parts: readonly PlanPart[], outputs: readonly StepOutput[]): StepOutput {
  if (parts.length === 1) return outputs[0]!;
  const rows: LogitsRow[] = [];
  for (const [index, part] of parts.entries()) {
    for (const [at, row] of outputs[index]!.rows.entries()) rows[part.rows[at]!] = row;
  }
  return {
    rows,
    // Put together only for who reads it: few passes compute an embedding.
    get hidden() {
      return joinHidden(plan, parts, outputs);
    },
  };
}

/** [kept tokens, width] in the packed order of the whole plan. */
function joinHidden(
  { decodes, chunks }: StepPlan,
  parts: readonly PlanPart[],
  outputs: readonly StepOutput[],
): Float32Array | undefined {
  const slices = new Map<DecodeRow | PrefillChunk, Float32Array>();
  for (const [index, { plan }] of parts.entries()) {
    const { hidden } = outputs[index]!;
    if (hidden === undefined) return undefined;
    const units = [...plan.decodes, ...plan.chunks];
    const width = hidden.length / Math.max(1, keptTokensIn(units));
    let at = 0;
    for (const unit of units) {
      const length = keptTokens(unit) * width;
      slices.set(unit, hidden.subarray(at, at + length));
      at += length;
    }
  }
  const ordered = [...decodes, ...chunks].map((unit) => slices.get(unit)!);
  const joined = new Float32Array(ordered.reduce((length, slice) => length + slice.length, 0));
  let at = 0;
  for (const slice of ordered) {
    joined.set(slice, at);
    at += slice.length;
  }
  return joined;
}

/** That with least to do, of those with room for a chunk. */
function leastOf(parts: readonly DraftPart[], costMs: PartCost, chunksMax: number): DraftPart {
  let least = parts[0]!;
  let leastMs = Number.POSITIVE_INFINITY;
  for (const part of parts) {
    if (part.chunks === chunksMax) continue;
    const ms = part.isBusy ? costMs(part.work) : 0;
    if (ms >= leastMs) continue;
    least = part;
    leastMs = ms;
  }
  return least;
}

/**
 * Runs of decodes, one a part, so that the part that takes longest takes as little as can be.
 * @param allMs what one part would take with everything.
 */
function shareOut(decodes: readonly DecodeRow[], parts: readonly DraftPart[], costMs: PartCost, allMs: number): void {
  let tooShortMs = 0;
  let longEnoughMs = allMs;
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middleMs = (tooShortMs + longEnoughMs) / 2;
    if (fits(decodes, parts, costMs, middleMs)) longEnoughMs = middleMs;
    else tooShortMs = middleMs;
  }
  fill(decodes, parts, costMs, longEnoughMs, (part, decode) => part.take(decode));
}

function fits(decodes: readonly DecodeRow[], parts: readonly DraftPart[], costMs: PartCost, withinMs: number): boolean {
  return fill(decodes, parts, costMs, withinMs, () => {}) === decodes.length;
}

/** How many decodes have a part when each takes what it can within so many milliseconds; the last takes no more. */
function fill(
  decodes: readonly DecodeRow[],
  parts: readonly DraftPart[],
  costMs: PartCost,
  withinMs: number,
  give: (part: DraftPart, decode: DecodeRow) => void,
): number {
  let next = 0;
  for (const part of parts) {
    let { work } = part;
    for (; next < decodes.length; next++) {
      const grown = decodeWork(work, decodes[next]!);
      if (costMs(grown) > withinMs) break;
      give(part, decodes[next]!);
      work = grown;
    }
  }
  return next;
}

class DraftPart {
  readonly #chunks: PrefillChunk[] = [];
  readonly #decodes: DecodeRow[] = [];
  work: StepWork = noWork;

  get isBusy(): boolean {
    return this.#chunks.length + this.#decodes.length > 0;
  }

  get chunks(): number {
    return this.#chunks.length;
  }

  takeChunk(chunk: PrefillChunk): void {
    this.#chunks.push(chunk);
    this.work = chunkWork(this.work, chunk);
  }

  take(decode: DecodeRow): void {
    this.#decodes.push(decode);
    this.work = decodeWork(this.work, decode);
  }

  finish({ resting }: StepPlan, firstRows: ReadonlyMap<DecodeRow | PrefillChunk, number>): PlanPart {
    const rows: number[] = [];
    for (const one of [...this.#decodes, ...this.#chunks]) {
      const first = firstRows.get(one)!;
      for (let row = 0; row < wantedRows(one); row++) rows.push(first + row);
    }
    return { plan: { decodes: this.#decodes, chunks: this.#chunks, resting }, work: this.work, rows };
  }
}

/** Where the rows of each decode and chunk begin among those of the plan. */
function rowsOf({ decodes, chunks }: StepPlan): ReadonlyMap<DecodeRow | PrefillChunk, number> {
  const firsts = new Map<DecodeRow | PrefillChunk, number>();
  let rows = 0;
  for (const one of [...decodes, ...chunks]) {
    firsts.set(one, rows);
    rows += wantedRows(one);
  }
  return firsts;
}

/** As executors in parts compute it: no row of them stands idle. */
function wholeWork({ decodes, chunks }: StepPlan): StepWork {
  return chunks.reduce(chunkWork, decodes.reduce(decodeWork, noWork));
}

function decodeWork(work: StepWork, { position, tokenIds }: DecodeRow): StepWork {
  let grown = work;
  for (let token = 0; token < tokenIds.length; token++) grown = withDecode(grown, position + token);
  return grown;
}

function chunkWork(work: StepWork, { position, tokenIds }: PrefillChunk): StepWork {
  return withChunk(work, position, tokenIds.length);
}
