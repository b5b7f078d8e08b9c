import { assert, seededRng } from '@sluice/shared';
import type { CopiedTokens, ModelLimits, ModelPort } from '../model-port.js';
import { rank } from '../sampling/pool.js';
import type { LogitsRow, LogitsWant, StepOutput, StepPlan } from '../step-plan.js';

const GARBAGE = -1;
/** Length of a hidden state. */
const HIDDEN = 6;

/**
 * A model whose next token is a hash of everything it reads from its slot, so that one wrong token, slot or position
 * changes the text. Keeps the promises of the real one: writes in place, and writes garbage where an idle row of the
 * decode lane would.
 */
export class HashModel implements ModelPort {
  readonly limits: ModelLimits;
  /** Called at the start of each pass, with its number from 0 and its plan. */
  onPass: (pass: number, plan: StepPlan) => void = () => {};
  /** Passes that are to fail. */
  readonly failing = new Set<number>();
  passes = 0;
  readonly #slots: Int32Array[];

  constructor(limits: Partial<ModelLimits> = {}) {
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
    const { slotsMax, contextTokens } = this.limits;
    this.#slots = Array.from({ length: slotsMax }, () => new Int32Array(contextTokens + 1).fill(GARBAGE));
  }

  async forward(plan: StepPlan): Promise<StepOutput> {
    const pass = this.passes++;
    checkPlan(plan, this.limits);
    this.onPass(pass, plan);
    await Promise.resolve();
    if (this.failing.has(pass)) throw new Error(`pass ${pass} was told to fail`);
    this.#writeGarbage(plan);
    const rows: LogitsRow[] = [];
    const hidden: number[] = [];
    for (const { slot, position, tokenIds, want, wantTokens } of [...plan.decodes, ...plan.chunks]) {
      for (let i = 0; i < tokenIds.length; i++) this.#slots[slot]![position + i] = tokenIds[i]!;
      const end = position + tokenIds.length;
      for (let row = end - wantTokens; row < end; row++)
        if (want !== undefined) rows.push(this.#row(slot, row + 1, want));
      for (let length = position + 1; length <= end; length++) hidden.push(...this.#hidden(slot, length));
    }
    return { rows, hidden: Float32Array.from(hidden) };
  }

  copy(fromSlot: number, toSlot: number, tokens: number): void {
    assert(fromSlot !== toSlot, `slot ${fromSlot} is copied to itself`);
    this.#slots[toSlot]!.set(this.#slots[fromSlot]!.subarray(0, tokens));
  }

  copyBytes(tokens: number): number {
    return tokens * Int32Array.BYTES_PER_ELEMENT;
  }

  copyOut(slot: number, tokens: number): CopiedTokens {
    const copied = this.#slots[slot]!.slice(0, tokens);
    return { tokens, bytes: new Uint8Array(copied.buffer) };
  }

  /** What the slot held behind them is gone, so that a token too few is seen. */
  copyIn(slot: number, { bytes }: CopiedTokens): void {
    this.#slots[slot]!.fill(GARBAGE).set(new Int32Array(bytes.buffer));
  }

  release(slot: number, fromToken: number): void {
    this.#slots[slot]!.fill(GARBAGE, fromToken);
  }

  stop(): void {}

  close(): void {}

  /** Rows of the decode lane's span that decode nothing write behind what their slot holds after the pass. */
  #writeGarbage({ decodes, chunks, resting }: StepPlan): void {
    const slots = decodes.map((decode) => decode.slot);
    const positions = new Map<number, number>();
    for (const { slot, position } of resting) positions.set(slot, position);
    for (const { slot, position, tokenIds } of chunks) positions.set(slot, position + tokenIds.length);
    for (let slot = Math.min(...slots); slot <= Math.max(...slots); slot++) {
      if (!slots.includes(slot)) this.#slots[slot]![positions.get(slot) ?? 0] = GARBAGE;
    }
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
function checkPlan({ decodes, chunks, resting }: StepPlan, limits: ModelLimits): void {
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
    const most = chunks.length === 0 ? limits.decodeTokensMax : 1;
    assert(tokenIds.length >= 1 && tokenIds.length <= most, `a decode of ${tokenIds.length} tokens, at most ${most}`);
    assert(position + tokenIds.length <= limits.contextTokens, 'a decode stays inside its slot');
  }
}
