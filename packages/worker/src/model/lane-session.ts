import { type Binding, type RunOptions, type RunThread, type Session, Tensor, type TensorArray } from '@sluice/ort';
import {
  type DecodeRow,
  type LogitsWant,
  type PrefillChunk,
  type StepOutput,
  type StepPlan,
  spanOf,
} from '../engine/step-plan.js';
import { chunkLane, decodeLane, KEPT } from './compile/lane-names.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import type { LaneCache } from './lane-cache.js';
import type { LaneOutputs } from './lane-outputs.js';

/**
 * One graph with a fixed number of decode and prefill lanes, ready to run plans with that many chunks; whoever made the
 * native session disposes of it. Inputs lie in arrays made once; a tensor is bound anew only when its shape changed, a lane's cache only when its slots did.
 */
export class LaneSession {
  readonly #session: Session;
  readonly #binding: Binding;
  readonly #runOptions: RunOptions;
  readonly #thread: RunThread | undefined;
  readonly #cache: LaneCache;
  readonly #outputs: LaneOutputs;
  readonly #spareSlot: number;
  readonly #decodes: ReturnType<typeof decodeLane>[];
  readonly #chunks: ReturnType<typeof chunkLane>[];
  readonly #inputs = new Map<string, { readonly array: TensorArray; length: number }>();
  /** First slot and count of each bound cache: that of the decode lanes, and then of each prefill lane. */
  readonly #bound: { first: number; count: number }[];

  constructor(parts: {
    readonly session: Session;
    readonly cache: LaneCache;
    readonly outputs: LaneOutputs;
    readonly rotary: { readonly cos: Tensor; readonly sin: Tensor };
    readonly counts: LaneCounts;
    /** A slot that never holds a sequence: for the decode lane of a pass without decodes. */
    readonly spareSlot: number;
    readonly stepTokensMax: number;
    readonly wantedRowsMax: number;
    /** Through which whoever made the session stops a pass. */
    readonly runOptions: RunOptions;
    /** That begins passes; undefined: any. */
    readonly thread: RunThread | undefined;
  }) {
    this.#session = parts.session;
    this.#runOptions = parts.runOptions;
    this.#thread = parts.thread;
    this.#cache = parts.cache;
    this.#outputs = parts.outputs;
    this.#spareSlot = parts.spareSlot;
    this.#binding = parts.session.createBinding();
    this.#binding.bindInput('cos', parts.rotary.cos);
    this.#binding.bindInput('sin', parts.rotary.sin);
    const { chunks, decodeTokens } = parts.counts;
    this.#decodes = Array.from({ length: decodeTokens }, (_, token) => decodeLane(token));
    this.#chunks = Array.from({ length: chunks }, (_, chunk) => chunkLane(chunk));
    this.#bound = Array.from({ length: chunks + 1 }, () => ({ first: -1, count: 0 }));
    const rows = parts.spareSlot + 1;
    this.#addInput('ids', new BigInt64Array(parts.stepTokensMax));
    for (const lane of this.#decodes) {
      this.#addInput(lane.sources, new BigInt64Array(rows));
      this.#addInput(lane.pasts, new Int32Array(rows));
      this.#addInput(lane.longest, new Int32Array(1));
    }
    this.#addInput(KEPT, new BigInt64Array(rows * decodeTokens));
    for (const lane of this.#chunks) {
      this.#addInput(lane.start, new BigInt64Array(1));
      this.#addInput(lane.end, new BigInt64Array(1));
      this.#addInput(lane.last, new Int32Array(1));
      this.#addInput(lane.total, new Int32Array(1));
    }
    this.#addInput('wanted', new BigInt64Array(parts.wantedRowsMax));
    this.#addInput('sampled', new BigInt64Array(parts.outputs.sampledRowsMax));
    this.#addInput('temperatures', new Float32Array(parts.outputs.sampledRowsMax));
  }

  /**
   * @param plan with exactly this session's number of chunks, at most its number of tokens in a decode, and at least one
   * token.
   * @param alongside chunks that other sessions compute at the same time.
   */
  async forward(plan: StepPlan, alongside: readonly PrefillChunk[] = []): Promise<StepOutput> {
    const ids = this.#longs('ids');
    const wanted = this.#longs('wanted');
    const wants: LogitsWant[] = [];
    let tokens = 0;
    const add = ({ tokenIds, want, wantTokens }: DecodeRow | PrefillChunk): void => {
      for (let i = 0; i < tokenIds.length; i++) ids[tokens++] = BigInt(tokenIds[i]!);
      if (want === undefined) return;
      for (let row = tokens - wantTokens; row < tokens; row++) {
        wanted[wants.length] = BigInt(row);
        wants.push(want);
      }
    };
    for (const decode of plan.decodes) add(decode);
    this.#placeDecodes(plan, alongside);
    for (const [index, chunk] of plan.chunks.entries()) {
      const lane = this.#chunks[index]!;
      const length = chunk.tokenIds.length;
      this.#longs(lane.start)[0] = BigInt(tokens);
      this.#longs(lane.end)[0] = BigInt(tokens + length);
      this.#integers(lane.last)[0] = chunk.position + length - 1;
      this.#integers(lane.total)[0] = chunk.position + length;
      this.#shape(lane.start, 1, [1]);
      this.#shape(lane.end, 1, [1]);
      this.#shape(lane.last, 1, [1]);
      this.#shape(lane.total, 1, []);
      this.#bindCache(index + 1, [lane], chunk.slot, 1);
      add(chunk);
    }
    this.#shape('ids', tokens, [tokens]);
    // ArgMax gives an empty input a wrong shape: where nothing is wanted, the head computes token 0 for nobody.
    const wantedRows = Math.max(1, wants.length);
    if (wants.length === 0) wanted[0] = 0n;
    this.#shape('wanted', wantedRows, [wantedRows]);
    const sampledRows = this.#placeSampled(wants);
    this.#outputs.bind(this.#binding, tokens, wantedRows, sampledRows);
    await this.#session.run(this.#binding, this.#runOptions, this.#thread);
    return { rows: this.#outputs.rows(wants), hidden: this.#outputs.hidden(tokens) };
  }

  /**
   * The decode lanes span from the lowest to the highest decoding slot; slots between them are idle rows, and so are in
   * later lanes those that decode fewer tokens.
   */
  #placeDecodes({ decodes, chunks, resting }: StepPlan, alongside: readonly PrefillChunk[]): void {
    const { first, last } = spanOf({ decodes }) ?? { first: this.#spareSlot, last: this.#spareSlot };
    const count = last - first + 1;
    const sources = this.#decodes.map((lane) => this.#longs(lane.sources).fill(0n, 0, count));
    const pasts = this.#decodes.map((lane) => this.#integers(lane.pasts).fill(0, 0, count));
    const kept = this.#longs(KEPT);
    // An idle row writes one position and attends to all in front of it: in slots that rest, the first one.
    for (const { slot } of resting) if (slot >= first && slot <= last) this.#cache.setAside(slot);
    // A slot that prefills is read in this pass: its idle row writes behind what it holds afterwards, where nothing is
    // read before it is written anew.
    for (const { slot, position, tokenIds } of [...chunks, ...alongside]) {
      this.#cache.restore(slot);
      if (slot < first || slot > last) continue;
      for (const lane of pasts) lane[slot - first] = position + tokenIds.length;
    }
    let tokens = 0;
    for (const { slot, position, tokenIds } of decodes) {
      const row = slot - first;
      this.#cache.restore(slot);
      // In later lanes its row is idle, and writes the first position once the lanes in front have read it.
      if (tokenIds.length < this.#decodes.length) this.#cache.setAside(slot);
      for (let token = 0; token < tokenIds.length; token++) {
        sources[token]![row] = BigInt(tokens);
        pasts[token]![row] = position + token;
        kept[tokens++] = BigInt(token * count + row);
      }
    }
    for (const [token, lane] of this.#decodes.entries()) {
      let longest = 0;
      for (let row = 0; row < count; row++) longest = Math.max(longest, pasts[token]![row]! + 1);
      this.#integers(lane.longest)[0] = longest;
      this.#shape(lane.sources, count, [count, 1]);
      this.#shape(lane.pasts, count, [count]);
      this.#shape(lane.longest, 1, []);
    }
    this.#shape(KEPT, tokens, [tokens]);
    this.#bindCache(0, this.#decodes, first, count);
  }

  /** One entry for each temperature of each wanted row. */
  #placeSampled(wants: readonly LogitsWant[]): number {
    const sampled = this.#longs('sampled');
    const temperatures = this.#inputs.get('temperatures')!.array as Float32Array;
    let count = 0;
    for (const [row, want] of wants.entries()) {
      for (const temperature of want.temperatures) {
        sampled[count] = BigInt(row);
        temperatures[count++] = temperature;
      }
    }
    this.#shape('sampled', count, [count]);
    this.#shape('temperatures', count, [count, 1]);
    return count;
  }

  #bindCache(index: number, lanes: Parameters<LaneCache['bind']>[1], first: number, count: number): void {
    const bound = this.#bound[index]!;
    if (bound.first === first && bound.count === count) return;
    this.#cache.bind(this.#binding, lanes, first, count);
    bound.first = first;
    bound.count = count;
  }

  #addInput(name: string, array: TensorArray): void {
    this.#inputs.set(name, { array, length: -1 });
  }

  #shape(name: string, length: number, shape: readonly number[]): void {
    const input = this.#inputs.get(name)!;
    if (input.length === length) return;
    input.length = length;
    const tensor = Tensor.over(input.array, shape);
    this.#binding.bindInput(name, tensor);
    tensor.dispose();
  }

  #longs(name: string): BigInt64Array {
    return this.#inputs.get(name)!.array as BigInt64Array;
  }

  #integers(name: string): Int32Array {
    return this.#inputs.get(name)!.array as Int32Array;
  }
}
