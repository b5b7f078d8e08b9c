import type { Binding, RunOptions, RunThread, Session, Tensor } from '@sluice/ort';
import {
  type DecodeRow,
  keptTokens,
  type LogitsWant,
  type PrefillChunk,
  type StepOutput,
  type StepPlan,
} from '../engine/step-plan.js';
import { BoundInput } from './bound-input.js';
import { KEPT_TOKENS } from './compile/lane-names.js';
import type { LaneOutputs } from './lane-outputs.js';

/** What a session is made ready to run with, whatever its attention reads. */
export interface PassParts {
  readonly session: Session;
  readonly outputs: LaneOutputs;
  readonly rotary: { readonly cos: Tensor; readonly sin: Tensor };
  readonly stepTokensMax: number;
  readonly wantedRowsMax: number;
  /** Through which whoever made the session stops a pass. */
  readonly runOptions: RunOptions;
  /** That begins passes; undefined: any. */
  readonly thread: RunThread | undefined;
}

/** What all graphs have in common: the ids of a pass go in packed, and logits of the wanted rows come out. */
export class PackedPass {
  /** For what attention reads. */
  readonly binding: Binding;
  readonly #session: Session;
  readonly #runOptions: RunOptions;
  readonly #thread: RunThread | undefined;
  readonly #outputs: LaneOutputs;
  readonly #ids: BoundInput<BigInt64Array>;
  readonly #kept: BoundInput<BigInt64Array>;
  readonly #wanted: BoundInput<BigInt64Array>;
  readonly #sampled: BoundInput<BigInt64Array>;
  readonly #temperatures: BoundInput<Float32Array>;

  constructor({ session, outputs, rotary, stepTokensMax, wantedRowsMax, runOptions, thread }: PassParts) {
    const binding = session.createBinding();
    this.binding = binding;
    this.#session = session;
    this.#runOptions = runOptions;
    this.#thread = thread;
    this.#outputs = outputs;
    binding.bindInput('cos', rotary.cos);
    binding.bindInput('sin', rotary.sin);
    this.#ids = new BoundInput(binding, 'ids', new BigInt64Array(stepTokensMax));
    this.#kept = new BoundInput(binding, KEPT_TOKENS, new BigInt64Array(stepTokensMax));
    this.#wanted = new BoundInput(binding, 'wanted', new BigInt64Array(wantedRowsMax));
    this.#sampled = new BoundInput(binding, 'sampled', new BigInt64Array(outputs.sampledRowsMax));
    this.#temperatures = new BoundInput(binding, 'temperatures', new Float32Array(outputs.sampledRowsMax));
  }

  /** Runs a plan of at least one token; what attention reads of it is bound. */
  async run(plan: StepPlan): Promise<StepOutput> {
    const wants: LogitsWant[] = [];
    const kept = this.#placeTokens(plan, wants);
    // ArgMax gives an empty input a wrong shape: where nothing is wanted, the head computes the first kept token, or
    // token 0, for nobody.
    const keptRows = Math.max(1, kept);
    const wantedRows = Math.max(1, wants.length);
    if (kept === 0) this.#kept.array[0] = 0n;
    if (wants.length === 0) this.#wanted.array[0] = 0n;
    this.#kept.bind(keptRows);
    this.#wanted.bind(wantedRows);
    const sampledRows = this.#placeSampled(wants);
    this.#outputs.bind(this.binding, keptRows, wantedRows, sampledRows);
    await this.#session.run(this.binding, this.#runOptions, this.#thread);
    return { rows: this.#outputs.rows(wants), hidden: this.#outputs.hidden(kept) };
  }

  /**
   * @param wants gets one for each wanted row.
   * @returns how many tokens are kept.
   */
  #placeTokens({ decodes, chunks }: StepPlan, wants: LogitsWant[]): number {
    const ids = this.#ids.array;
    const keptIds = this.#kept.array;
    const wanted = this.#wanted.array;
    let tokens = 0;
    let kept = 0;
    const add = (unit: DecodeRow | PrefillChunk): void => {
      const { tokenIds, want, wantTokens } = unit;
      for (let i = 0; i < tokenIds.length; i++) ids[tokens++] = BigInt(tokenIds[i]!);
      for (let token = tokens - keptTokens(unit); token < tokens; token++) keptIds[kept++] = BigInt(token);
      if (want === undefined) return;
      for (let row = kept - wantTokens; row < kept; row++) {
        wanted[wants.length] = BigInt(row);
        wants.push(want);
      }
    };
    for (const decode of decodes) add(decode);
    for (const chunk of chunks) add(chunk);
    this.#ids.bind(tokens);
    return kept;
  }

  /** One entry for each temperature of each wanted row. */
  #placeSampled(wants: readonly LogitsWant[]): number {
    let count = 0;
    for (const [row, want] of wants.entries()) {
      for (const temperature of want.temperatures) {
        this.#sampled.array[count] = BigInt(row);
        this.#temperatures.array[count++] = temperature;
      }
    }
    this.#sampled.bind(count);
    this.#temperatures.bind(count, [count, 1]);
    return count;
  }
}
