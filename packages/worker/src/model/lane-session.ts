import { type PrefillChunk, type StepOutput, type StepPlan, spanOf } from '../engine/step-plan.js';
import { BoundInput } from './bound-input.js';
import { chunkLane, decodeLane, KEPT } from './compile/lane-names.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import type { LaneCache } from './lane-cache.js';
import type { PassSession } from './lane-executor.js';
import { PackedPass, type PassParts } from './packed-pass.js';

/**
 * One graph with a fixed number of decode and prefill lanes, ready to run plans with that many chunks; whoever made the
 * native session disposes of it. A lane's cache is bound anew only when its slots changed.
 */
export class LaneSession implements PassSession {
  readonly #pass: PackedPass;
  readonly #cache: LaneCache;
  readonly #spareSlot: number;
  readonly #decodes: ReturnType<typeof decodeInputs>[];
  readonly #kept: BoundInput<BigInt64Array>;
  readonly #chunks: ReturnType<typeof chunkInputs>[];
  /** First slot and count of each bound cache: that of the decode lanes, and then of each prefill lane. */
  readonly #bound: { first: number; count: number }[];

  constructor(
    parts: PassParts & {
      readonly cache: LaneCache;
      readonly counts: LaneCounts;
      /** A slot that never holds a sequence: for the decode lane of a pass without decodes. */
      readonly spareSlot: number;
    },
  ) {
    const { chunks, decodeTokens } = parts.counts;
    const pass = new PackedPass(parts);
    this.#pass = pass;
    this.#cache = parts.cache;
    this.#spareSlot = parts.spareSlot;
    const rows = parts.spareSlot + 1;
    this.#decodes = Array.from({ length: decodeTokens }, (_, token) => decodeInputs(pass, token, rows));
    this.#kept = new BoundInput(pass.binding, KEPT, new BigInt64Array(rows * decodeTokens));
    this.#chunks = Array.from({ length: chunks }, (_, chunk) => chunkInputs(pass, chunk));
    this.#bound = Array.from({ length: chunks + 1 }, () => ({ first: -1, count: 0 }));
  }

  /**
   * @param plan with exactly this session's number of chunks, at most its number of tokens in a decode, and at least one
   * token.
   * @param alongside chunks that other sessions compute at the same time.
   */
  async forward(plan: StepPlan, alongside: readonly PrefillChunk[] = []): Promise<StepOutput> {
    let tokens = this.#placeDecodes(plan, alongside);
    for (const [index, { slot, position, tokenIds }] of plan.chunks.entries()) {
      const { names, start, end, last, total } = this.#chunks[index]!;
      start.array[0] = BigInt(tokens);
      tokens += tokenIds.length;
      end.array[0] = BigInt(tokens);
      last.array[0] = position + tokenIds.length - 1;
      total.array[0] = position + tokenIds.length;
      for (const input of [start, end, last]) input.bind(1);
      total.bind(1, []);
      this.#bindCache(index + 1, [names], slot, 1);
    }
    return this.#pass.run(plan);
  }

  /**
   * The decode lanes span from the lowest to the highest decoding slot; slots between them are idle rows, and so are in
   * later lanes those that decode fewer tokens.
   * @returns tokens of all decodes.
   */
  #placeDecodes({ decodes, chunks, resting }: StepPlan, alongside: readonly PrefillChunk[]): number {
    const { first, last } = spanOf({ decodes }) ?? { first: this.#spareSlot, last: this.#spareSlot };
    const count = last - first + 1;
    for (const { sources, pasts } of this.#decodes) {
      sources.array.fill(0n, 0, count);
      pasts.array.fill(0, 0, count);
    }
    // An idle row writes one position and attends to all in front of it: in slots that rest, the first one.
    for (const { slot } of resting) if (slot >= first && slot <= last) this.#cache.setAside(slot);
    // A slot that prefills is read in this pass: its idle row writes behind what it holds afterwards, where nothing is
    // read before it is written anew.
    for (const { slot, position, tokenIds } of [...chunks, ...alongside]) {
      this.#cache.restore(slot);
      if (slot < first || slot > last) continue;
      for (const { pasts } of this.#decodes) pasts.array[slot - first] = position + tokenIds.length;
    }
    let tokens = 0;
    for (const { slot, position, tokenIds } of decodes) {
      const row = slot - first;
      this.#cache.restore(slot);
      // In later lanes its row is idle, and writes the first position once the lanes in front have read it.
      if (tokenIds.length < this.#decodes.length) this.#cache.setAside(slot);
      for (let token = 0; token < tokenIds.length; token++) {
        const { sources, pasts } = this.#decodes[token]!;
        sources.array[row] = BigInt(tokens);
        pasts.array[row] = position + token;
        this.#kept.array[tokens++] = BigInt(token * count + row);
      }
    }
    for (const { sources, pasts, longest } of this.#decodes) {
      let most = 0;
      for (let row = 0; row < count; row++) most = Math.max(most, pasts.array[row]! + 1);
      longest.array[0] = most;
      sources.bind(count, [count, 1]);
      pasts.bind(count);
      longest.bind(1, []);
    }
    this.#kept.bind(tokens);
    const lanes = this.#decodes.map(({ names }) => names);
    this.#bindCache(0, lanes, first, count);
    return tokens;
  }

  #bindCache(index: number, lanes: Parameters<LaneCache['bind']>[1], first: number, count: number): void {
    const bound = this.#bound[index]!;
    if (bound.first === first && bound.count === count) return;
    this.#cache.bind(this.#pass.binding, lanes, first, count);
    bound.first = first;
    bound.count = count;
  }
}

function decodeInputs({ binding }: PackedPass, token: number, rows: number) {
  const names = decodeLane(token);
  return {
    names,
    sources: new BoundInput(binding, names.sources, new BigInt64Array(rows)),
    pasts: new BoundInput(binding, names.pasts, new Int32Array(rows)),
    longest: new BoundInput(binding, names.longest, new Int32Array(1)),
  };
}

function chunkInputs({ binding }: PackedPass, chunk: number) {
  const names = chunkLane(chunk);
  return {
    names,
    start: new BoundInput(binding, names.start, new BigInt64Array(1)),
    end: new BoundInput(binding, names.end, new BigInt64Array(1)),
    last: new BoundInput(binding, names.last, new Int32Array(1)),
    total: new BoundInput(binding, names.total, new Int32Array(1)),
  };
}
