import { loadRuntime, mapFile, type PrepackedWeights, type RunOptions, Tensor } from '@sluice/ort';
import { assert } from '@sluice/shared';
import type { CopiedTokens, ModelLimits, ModelPort } from '../engine/model-port.js';
import type { StepOutput, StepPlan } from '../engine/step-plan.js';
import { attentionBlockTokens, type DecoderConfig, rotaryTables } from './architectures/config.js';
import type { KvMode } from './compile/kv-format.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import { CANDIDATES } from './compile/pick-graph.js';
import type { WeightEntry } from './compile/weight-table.js';
import { LaneCache } from './lane-cache.js';
import { LaneOutputs } from './lane-outputs.js';
import { LaneSession } from './lane-session.js';

export interface LaneModelOptions {
  /** Sequences that can run at the same time. */
  readonly slots: number;
  /** Tokens of prompt and output of one sequence. */
  readonly contextTokens: number;
  readonly stepTokensMax: number;
  /** Threads of a forward pass. */
  readonly threads: number;
}

/** A compiled model on disk; io/compiled makes one. */
export interface CompiledFiles {
  readonly config: DecoderConfig;
  /** How the graphs keep keys and values. */
  readonly kv: KvMode;
  readonly weightsPath: string;
  readonly weights: readonly WeightEntry[];
  readonly graphs: readonly (LaneCounts & { readonly path: string })[];
}

/**
 * A model on the CPU: hybrid batches through lanes (compile/lanes-graph.ts). One session for each number of chunks a
 * plan can have, and again for decodes of several tokens, all over one mapped copy of the weights, one prepacked copy, one
 * cache and one set of outputs.
 */
export class LaneModel implements ModelPort {
  readonly limits: ModelLimits;
  /** By rising decode tokens. */
  readonly #sessions: readonly (LaneCounts & { readonly session: LaneSession })[];
  readonly #prepacked: PrepackedWeights;
  readonly #cache: LaneCache;
  readonly #runOptions: RunOptions;
  #isRunning = false;

  constructor(files: CompiledFiles, options: LaneModelOptions) {
    const { config } = files;
    const { slots, contextTokens, stepTokensMax } = options;
    this.limits = {
      vocabularyCount: config.vocabularyCount,
      slotsMax: slots,
      contextTokens,
      stepTokensMax,
      chunksMax: Math.max(...files.graphs.map(({ chunks }) => chunks)),
      chunkBlockTokens: attentionBlockTokens(config),
      decodeTokensMax: Math.max(...files.graphs.map(({ decodeTokens }) => decodeTokens)),
      wantedRowsMax: stepTokensMax,
      embeddingLength: config.hidden,
    };
    // One position behind the last token, and one slot behind the last sequence: where idle rows of the lanes write.
    const positions = contextTokens + 1;
    const cache = new LaneCache(config, files.kv, slots + 1, positions);
    this.#cache = cache;
    const outputs = new LaneOutputs({
      ...this.limits,
      hiddenLength: config.hidden,
      candidateCount: Math.min(CANDIDATES, config.vocabularyCount),
    });
    const tables = rotaryTables(config, positions);
    const shape = [positions, config.headDim / 2];
    const rotary = { cos: Tensor.over(tables.cos, shape), sin: Tensor.over(tables.sin, shape) };

    const runtime = loadRuntime();
    const mapped = mapFile(files.weightsPath);
    this.#prepacked = runtime.createPrepackedWeights();
    this.#runOptions = runtime.createRunOptions();
    const initializers = new Map(
      files.weights.map(({ name, type, offset, shape }) => [name, Tensor.overMapped(mapped, offset, type, shape)]),
    );
    const graphs = files.graphs.toSorted((a, b) => a.decodeTokens - b.decodeTokens);
    this.#sessions = graphs.map(({ path, ...counts }) => {
      const session = runtime.createSession(path, {
        intraOpThreads: options.threads,
        initializers,
        prepacked: this.#prepacked,
        cpuArena: 'shared',
        memoryPattern: false,
      });
      const parts = { session, cache, outputs, rotary, counts, spareSlot: slots, runOptions: this.#runOptions };
      const { wantedRowsMax } = this.limits;
      return { ...counts, session: new LaneSession({ ...parts, stepTokensMax, wantedRowsMax }) };
    });
  }

  async forward(plan: StepPlan): Promise<StepOutput> {
    assert(!this.#isRunning, 'one pass at a time');
    const session = this.#sessionFor(plan);
    this.#isRunning = true;
    try {
      return await session.forward(plan);
    } finally {
      this.#isRunning = false;
      if (this.#runOptions.terminated) this.#runOptions.reset();
    }
  }

  stop(): void {
    if (this.#isRunning) this.#runOptions.terminate();
  }

  /** About 46 KB a token for a model of 135 million parameters, at the speed of memory: 1,000 tokens in some 10 ms. */
  copy(fromSlot: number, toSlot: number, tokens: number): void {
    assert(!this.#isRunning, 'slots are copied between passes');
    this.#cache.copy(fromSlot, toSlot, tokens);
  }

  copyBytes(tokens: number): number {
    return this.#cache.copyBytes(tokens);
  }

  copyOut(slot: number, tokens: number): CopiedTokens {
    assert(!this.#isRunning, 'slots are copied between passes');
    return { tokens, bytes: this.#cache.copyOut(slot, tokens) };
  }

  copyIn(slot: number, copied: CopiedTokens): void {
    assert(!this.#isRunning, 'slots are copied between passes');
    this.#cache.copyIn(slot, copied);
  }

  release(slot: number, fromToken: number): void {
    this.#cache.release(slot, fromToken);
  }

  close(): void {
    for (const { session } of this.#sessions) session.dispose();
    this.#prepacked.dispose();
    this.#runOptions.dispose();
  }

  /** With no more decode lanes than needed: each costs something, also one whose rows are all idle. */
  #sessionFor({ decodes, chunks }: StepPlan): LaneSession {
    const { chunksMax, decodeTokensMax } = this.limits;
    assert(chunks.length <= chunksMax, `a plan has at most ${chunksMax} chunks, not ${chunks.length}`);
    const tokens = decodes.reduce((most, { tokenIds }) => Math.max(most, tokenIds.length), 1);
    const found = this.#sessions.find((one) => one.chunks === chunks.length && one.decodeTokens >= tokens);
    assert(found !== undefined, `a decode has at most ${decodeTokensMax} tokens, not ${tokens}`);
    return found.session;
  }
}
