import { assert, seededRng } from '@sluice/shared';
import type { CopiedTokens, ModelLimits, ModelPort } from '../model-port.js';
import { rank } from '../sampling/pool.js';
import { keptTokens, type LogitsRow, type LogitsWant, type StepOutput, type StepPlan, spanOf } from '../step-plan.js';

const GARBAGE = -1;
/** Length of a hidden state. */
const HIDDEN = 6;

/** A pass that runs. */
interface HashPass {
  readonly plan: StepPlan;
  /** Undefined: all of them, and nothing runs beside it. */
  readonly executors: number | undefined;
  /** By slot: where an idle row of the decode lane writes, all the time that the pass runs. */
  readonly idleRows: ReadonlyMap<number, number>;
}

/**
 * A model whose next token is a hash of everything it reads from its slot, so that one wrong token, slot or position
 * changes the text. Keeps the promises of the real one: writes in place, and writes garbage where an idle row of the
 * decode lane would, at the start of the pass and again at its end, as the real one does layer by layer. What a pass
 * computes is garbage until its end. Asserts what the engine has to see to, between passes side by side too.
 */
export class HashModel implements ModelPort {
  readonly limits: ModelLimits;
  readonly executors: number;
  /** Called at the start of each pass, with its number from 0, its plan and how many executors it has, if not all. */
  onPass: (pass: number, plan: StepPlan, executors?: number) => void = () => {};
  /** Passes that are to fail. */
  readonly failing = new Set<number>();
  passes = 0;
  readonly #slots: Int32Array[];
  readonly #running = new Map<StepPlan, HashPass>();

  constructor(limits: Partial<ModelLimits> = {}, executors = 1) {
    this.limits = {
      vocabularyCount: 24,
      slotsMax: 4,
      contextTokens: 64,
      stepTokensMax: 64,
      chunksMax: 2,
      chunkBlockTokens: 8,
      decodeTokensMax: 4,
      wantedRowsMax: 64,
      embeddingLength: HIDDEN,
      ...limits,
    };
    this.executors = executors;
    const { slotsMax, contextTokens } = this.limits;
    this.#slots = Array.from({ length: slotsMax }, () => new Int32Array(contextTokens + 1).fill(GARBAGE));
  }

  async forward(plan: StepPlan, executors?: number): Promise<StepOutput> {
    const pass = this.passes++;
    this.begin(plan, executors);
    this.onPass(pass, plan, executors);
    await Promise.resolve();
    if (!this.failing.has(pass)) return this.end(plan);
    this.abandon(plan);
    throw new Error(`pass ${pass} was told to fail`);
  }

  /** The first half of {@link forward}, for those who say themselves how long a pass takes. */
  begin(plan: StepPlan, executors?: number): void {
    checkPlan(plan, this.limits, executors);
    this.#checkBeside(plan, executors);
    const rows = [...plan.decodes, ...plan.chunks];
    for (const { slot, position } of rows) this.#context(slot, position);
    const pass = { plan, executors, idleRows: this.#idleRows(plan) };
    this.#running.set(plan, pass);
    this.#writeGarbage(pass);
    for (const { slot, position, tokenIds } of rows) {
      this.#slots[slot]!.fill(GARBAGE, position, position + tokenIds.length);
    }
  }

  /** The second half. */
  end(plan: StepPlan): StepOutput {
    this.#writeGarbage(this.#finish(plan));
    const rows: LogitsRow[] = [];
    const hidden: number[] = [];
    for (const unit of [...plan.decodes, ...plan.chunks]) {
      const { slot, position, tokenIds, want, wantTokens } = unit;
      for (let i = 0; i < tokenIds.length; i++) this.#slots[slot]![position + i] = tokenIds[i]!;
      const end = position + tokenIds.length;
      for (let row = end - wantTokens; row < end; row++)
        if (want !== undefined) rows.push(this.#row(slot, row + 1, want));
      const kept = keptTokens(unit);
      for (let length = end - kept + 1; length <= end; length++) hidden.push(...this.#hidden(slot, length).reverse());
    }
    return { rows, hidden: Float32Array.from(hidden) };
  }

  /** Instead of the second half: nobody knows what is in the slots of a pass that fails. */
  abandon(plan: StepPlan): void {
    this.#writeGarbage(this.#finish(plan));
    for (const { slot } of [...plan.decodes, ...plan.chunks]) this.#slots[slot]!.fill(GARBAGE);
  }

  /** Hidden states are given the wrong way round. */
  turnBack(state: Float64Array): Float64Array {
    return state.reverse();
  }

  copy(fromSlot: number, toSlot: number, tokens: number): void {
    assert(fromSlot !== toSlot, `slot ${fromSlot} is copied to itself`);
    this.#checkStill(toSlot, 0, 'a copy goes into');
    this.#checkStill(fromSlot, tokens, 'a copy is made of');
    this.#slots[toSlot]!.set(this.#slots[fromSlot]!.subarray(0, tokens));
  }

  copyBytes(tokens: number): number {
    return tokens * Int32Array.BYTES_PER_ELEMENT;
  }

  copyOut(slot: number, tokens: number): CopiedTokens {
    this.#checkStill(slot, 0, 'a copy is taken out of');
    const copied = this.#slots[slot]!.slice(0, tokens);
    return { tokens, bytes: new Uint8Array(copied.buffer) };
  }

  /** What the slot held behind them is gone, so that a token too few is seen. */
  copyIn(slot: number, { bytes }: CopiedTokens): void {
    this.#checkStill(slot, 0, 'a copy is put into');
    this.#slots[slot]!.fill(GARBAGE).set(new Int32Array(bytes.buffer));
  }

  prepare(slot: number, tokens: number): void {
    this.#checkStill(slot, 0, 'memory is prepared in');
    this.#slots[slot]!.fill(GARBAGE, 0, tokens);
  }

  release(slot: number, fromToken: number): void {
    for (const { plan } of this.#running.values()) {
      const one = [...plan.decodes, ...plan.chunks].find((row) => row.slot === slot);
      const end = one === undefined ? 0 : one.position + one.tokenIds.length;
      assert(end <= fromToken, `slot ${slot} is given back from ${fromToken} on, and a pass writes up to ${end}`);
    }
    this.#slots[slot]!.fill(GARBAGE, fromToken);
  }

  stop(): void {}

  close(): void {
    assert(this.#running.size === 0, 'a model is closed between passes');
  }

  #finish(plan: StepPlan): HashPass {
    const pass = this.#running.get(plan);
    assert(pass !== undefined, 'a pass ends that does not run');
    this.#running.delete(plan);
    return pass;
  }

  /** That no pass computes in the slot, nor has it in its span, but behind the first tokens of one that only rests. */
  #checkStill(slot: number, tokens: number, what: string): void {
    for (const { plan, executors, idleRows } of this.#running.values()) {
      assert(executors !== undefined, `${what} slot ${slot} while a pass runs`);
      const rows = [...plan.decodes, ...plan.chunks].filter((row) => row.slot === slot);
      const firsts = [...rows.map(({ position }) => position), idleRows.get(slot) ?? Number.POSITIVE_INFINITY];
      const isStill = tokens === 0 ? Math.min(...firsts) === Number.POSITIVE_INFINITY : Math.min(...firsts) >= tokens;
      assert(isStill, `${what} slot ${slot} beside a pass that writes into it`);
    }
  }

  /** What passes side by side keep (engine/model-port.ts). */
  #checkBeside({ decodes, chunks, resting }: StepPlan, executors: number | undefined): void {
    const others = [...this.#running.values()];
    assert(executors !== undefined || others.length === 0, 'a pass on all executors runs beside another');
    let free = this.executors;
    for (const other of others) {
      assert(other.executors !== undefined, 'a pass runs beside one on all executors');
      free -= other.executors;
      assert(decodes.length === 0 || other.plan.decodes.length === 0, 'two passes at a time have decodes');
      const span = spanOf(other.plan, this.limits);
      const isInSpan = (slot: number): boolean => span !== undefined && span.first <= slot && slot <= span.last;
      const theirs = new Set([...other.plan.decodes, ...other.plan.chunks].map(({ slot }) => slot));
      for (const { slot } of chunks) assert(!isInSpan(slot), `slot ${slot} gets a chunk in the span of a pass`);
      for (const { slot } of [...decodes, ...chunks]) assert(!theirs.has(slot), `slot ${slot} is in two passes`);
      for (const { slot } of resting) assert(!theirs.has(slot), `slot ${slot} rests and is in a pass`);
    }
    if (executors === undefined) return;
    assert(executors >= 1 && executors < this.executors, `${executors} of ${this.executors} executors are wanted`);
    assert(executors <= free, `${executors} executors are wanted, and ${free} are free`);
    assert(chunks.length <= executors, `${chunks.length} chunks on ${executors} executors`);
  }

  /**
   * Rows of the decode lane's span that decode nothing write behind what their slot holds, or holds after the pass that
   * computes in it now.
   */
  #idleRows(plan: StepPlan): ReadonlyMap<number, number> {
    const idle = new Map<number, number>();
    const span = spanOf(plan, this.limits);
    if (span === undefined) return idle;
    const positions = new Map<number, number>();
    for (const { slot, position } of plan.resting) positions.set(slot, position);
    for (const { chunks } of [{ chunks: plan.chunks }, ...[...this.#running.keys()]]) {
      for (const { slot, position, tokenIds } of chunks) positions.set(slot, position + tokenIds.length);
    }
    for (let slot = span.first; slot <= span.last; slot++) idle.set(slot, positions.get(slot) ?? 0);
    for (const { slot } of plan.decodes) idle.delete(slot);
    return idle;
  }

  #writeGarbage({ idleRows }: HashPass): void {
    for (const [slot, position] of idleRows) this.#slots[slot]![position] = GARBAGE;
  }

  #row(slot: number, length: number, want: LogitsWant): LogitsRow {
    return hashRow(this.#context(slot, length), want, this.limits.vocabularyCount);
  }

  #hidden(slot: number, length: number): Float32Array {
    return hashHidden(this.#context(slot, length));
  }

  #context(slot: number, length: number): Int32Array {
    const context = this.#slots[slot]!.subarray(0, length);
    assert(!context.includes(GARBAGE), `slot ${slot} is read at a position that holds garbage`);
    return context;
  }
}

/** [{@link HIDDEN}]: the hidden state of a context's last token. */
export function hashHidden(context: ArrayLike<number>): Float32Array {
  return hashRow(context, { temperatures: [] }, HIDDEN).logits;
}

/** The row of logits behind a context: the oracle, and what the model gives when it read the right one. */
export function hashRow(context: ArrayLike<number>, want: LogitsWant, vocabularyCount: number): LogitsRow {
  let hash = context.length;
  for (let i = 0; i < context.length; i++) hash = Math.imul(hash ^ (context[i]! + 1), 0x01000193) ^ (hash >>> 15);
  const rng = seededRng(hash >>> 0);
  const logits = Float32Array.from({ length: vocabularyCount }, () => rng.next() * 8 - 4);
  const tokenIds = Int32Array.from(logits.keys()).sort((a, b) => rank(a, logits[a]!, b, logits[b]!));
  const candidates = tokenIds.slice(0, Math.ceil(vocabularyCount / 3));
  return {
    best: tokenIds[0]!,
    logits,
    candidates:
      want.temperatures.length === 0
        ? undefined
        : { tokenIds: candidates, logits: Float32Array.from(candidates, (id) => logits[id]!) },
    logSumExps: want.temperatures.map((temperature) =>
      Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit / temperature), 0)),
    ),
  };
}

/** What every plan keeps, whatever the policy. */
function checkPlan({ decodes, chunks, resting }: StepPlan, limits: ModelLimits, executors: number | undefined): void {
  const slots = [...decodes, ...chunks, ...resting].map((row) => row.slot);
  assert(new Set(slots).size === slots.length, `a slot is in a plan twice: ${slots.join()}`);
  assert(
    slots.every((slot) => slot >= 0 && slot < limits.slotsMax),
    `slots ${slots.join()} of ${limits.slotsMax}`,
  );
  const chunksMax = Math.max(limits.chunksMax, limits.chunksAbreast ?? 1);
  assert(chunks.length <= chunksMax, `${chunks.length} chunks of ${chunksMax}`);
  const tokens = [...decodes, ...chunks].reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  assert(tokens > 0 && tokens <= limits.stepTokensMax, `${tokens} tokens of ${limits.stepTokensMax}`);
  const wanted = [...decodes, ...chunks].reduce((sum, { wantTokens }) => sum + wantTokens, 0);
  assert(wanted <= limits.wantedRowsMax, `${wanted} wanted rows of ${limits.wantedRowsMax}`);
  for (const { position, tokenIds } of chunks) {
    assert(tokenIds.length >= 2 || position === 0, 'a chunk of one token is the whole prompt');
    assert(tokenIds.length === 1 || tokenIds.length % limits.chunkBlockTokens !== 1, 'no block has one token');
    assert(position + tokenIds.length <= limits.contextTokens, 'a chunk stays inside its slot');
  }
  for (const { position, tokenIds } of decodes) {
    const most = chunks.length === 0 && executors === undefined ? limits.decodeTokensMax : 1;
    assert(tokenIds.length >= 1 && tokenIds.length <= most, `a decode of ${tokenIds.length} tokens, at most ${most}`);
    assert(position + tokenIds.length <= limits.contextTokens, 'a decode stays inside its slot');
  }
}
