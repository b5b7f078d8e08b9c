import { loadRuntime, mapFile, type PrepackedWeights, type RunOptions, type Session, Tensor } from '@sluice/ort';
import { assert } from '@sluice/shared';
import type { CopiedTokens, ModelLimits, ModelPort } from '../engine/model-port.js';
import type { StepOutput, StepPlan } from '../engine/step-plan.js';
import { attentionBlockTokens, type DecoderConfig, rotaryTables } from './architectures/config.js';
import type { KvMode } from './compile/kv-format.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import { CANDIDATES } from './compile/pick-graph.js';
import type { WeightEntry } from './compile/weight-table.js';
import { ExecutorChoice, type ExecutorMode } from './executor-choice.js';
import { LaneCache } from './lane-cache.js';
import { decodeTokensOf, LaneExecutor } from './lane-executor.js';
import { LaneOutputs } from './lane-outputs.js';
import { LaneSession } from './lane-session.js';
import { joinOutputs, type PlanPart } from './split-plan.js';

export interface LaneModelOptions {
  /** Sequences that can run at the same time. */
  readonly slots: number;
  /** Tokens of prompt and output of one sequence. */
  readonly contextTokens: number;
  readonly stepTokensMax: number;
  /** Threads of a forward pass. */
  readonly threads: number;
  /**
   * Whether passes are shared out among narrow executors, where there are two threads or more. Default `wide`; `auto` needs
   * `nowMs` to find out what is quicker.
   */
  readonly executors?: ExecutorMode;
  /** Milliseconds of any clock. */
  readonly nowMs?: () => number;
  /** Has the runtime write down what every operator of every pass took, in files that begin so: slower, and only to measure. */
  readonly profilePrefix?: string;
}

/** Executors that share a pass: as many as there are prompt lanes. */
const NARROW = 2;

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
 * plan can have, and again for decodes of several tokens, all over one mapped copy of the weights, one prepacked copy and one
 * cache. A pass runs on one wide executor, or in parts on narrow ones side by side: the same to the bit.
 */
export class LaneModel implements ModelPort {
  readonly limits: ModelLimits;
  readonly #wide: LaneExecutor;
  /** Side by side, each with its share of the threads; none where there is nothing to share. */
  readonly #narrow: readonly LaneExecutor[];
  readonly #choice: ExecutorChoice;
  readonly #nowMs: () => number;
  readonly #native: readonly Session[];
  readonly #prepacked: PrepackedWeights;
  readonly #cache: LaneCache;
  readonly #runOptions: RunOptions;
  #isRunning = false;

  constructor(files: CompiledFiles, options: LaneModelOptions) {
    const { config } = files;
    const { slots, contextTokens, stepTokensMax, threads, executors = 'wide', nowMs = () => 0 } = options;
    assert(executors !== 'auto' || options.nowMs !== undefined, 'what is quicker cannot be found out without a clock');
    const narrowCount = executors === 'wide' ? 1 : Math.min(NARROW, threads);
    this.#nowMs = nowMs;
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
    // One position behind the last token, and slots behind the last sequence, one for each executor: where idle rows of the
    // lanes write.
    const positions = contextTokens + 1;
    const cache = new LaneCache(config, files.kv, slots + 1 + narrowCount, positions);
    this.#cache = cache;
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
    const native: Session[] = [];
    const open = (graph: CompiledFiles['graphs'][number], threads: number): Session => {
      const session = runtime.createSession(graph.path, {
        intraOpThreads: threads,
        initializers,
        prepacked: this.#prepacked,
        cpuArena: 'shared',
        memoryPattern: false,
        // Each session has threads of its own. Those of the last pass's would go on spinning for some 10 ms, beside the next.
        entries: { 'session.force_spinning_stop': '1' },
        ...(options.profilePrefix === undefined ? {} : { profilePrefix: options.profilePrefix }),
      });
      native.push(session);
      return session;
    };
    const executor = (sessions: readonly (LaneCounts & { readonly session: Session })[], spareSlot: number) => {
      const outputs = new LaneOutputs({
        ...this.limits,
        hiddenLength: config.hidden,
        candidateCount: Math.min(CANDIDATES, config.vocabularyCount),
      });
      const common = { cache, outputs, rotary, spareSlot, runOptions: this.#runOptions, stepTokensMax };
      const { wantedRowsMax } = this.limits;
      return new LaneExecutor(
        sessions.map(({ session, ...counts }) => ({
          ...counts,
          session: new LaneSession({ ...common, session, counts, wantedRowsMax }),
        })),
      );
    };
    const wide = files.graphs.map((graph) => ({ ...graph, session: open(graph, threads) }));
    this.#wide = executor(wide, slots);
    // A part of a plan has one chunk at most. One native session of a graph serves all executors: each has its own binding.
    const narrow = files.graphs
      .filter(({ chunks, decodeTokens }) => narrowCount > 1 && chunks <= 1 && decodeTokens === 1)
      .map((graph) => ({ ...graph, session: open(graph, Math.floor(threads / narrowCount)) }));
    const isShared = narrow.length > 0;
    this.#narrow = Array.from({ length: isShared ? narrowCount : 0 }, (_, index) =>
      executor(narrow, slots + 1 + index),
    );
    this.#choice = new ExecutorChoice(executors, this.#narrow.length);
    this.#native = native;
  }

  async forward(plan: StepPlan): Promise<StepOutput> {
    assert(!this.#isRunning, 'one pass at a time');
    const { chunksMax, decodeTokensMax } = this.limits;
    const { decodes, chunks } = plan;
    const decodeTokens = decodeTokensOf(decodes);
    assert(chunks.length <= chunksMax, `a plan has at most ${chunksMax} chunks, not ${chunks.length}`);
    assert(decodeTokens <= decodeTokensMax, `a decode has at most ${decodeTokensMax} tokens, not ${decodeTokens}`);
    this.#isRunning = true;
    try {
      const parts = decodeTokens === 1 ? this.#choice.choose(plan) : undefined;
      return await (parts === undefined ? this.#runWhole(plan) : this.#runParts(plan, parts));
    } finally {
      this.#isRunning = false;
      if (this.#runOptions.terminated) this.#runOptions.reset();
    }
  }

  async #runWhole(plan: StepPlan): Promise<StepOutput> {
    const startMs = this.#nowMs();
    const output = await this.#wide.forward(plan);
    this.#choice.observeWide(plan, this.#nowMs() - startMs);
    return output;
  }

  /** All of them end before this does, also where one fails. */
  async #runParts(plan: StepPlan, parts: readonly PlanPart[]): Promise<StepOutput> {
    const startMs = this.#nowMs();
    const runs = parts.map(async (part, index) => {
      const alongside = plan.chunks.filter((chunk) => !part.plan.chunks.includes(chunk));
      const output = await this.#narrow[index]!.forward(part.plan, alongside);
      this.#choice.observeNarrow(part.work, this.#nowMs() - startMs);
      return output;
    });
    await Promise.allSettled(runs);
    return joinOutputs(plan, parts, await Promise.all(runs));
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

  /** Ends what `profilePrefix` began; the paths of the files. */
  endProfiling(): string[] {
    return this.#native.map((session) => session.endProfiling());
  }

  close(): void {
    for (const session of this.#native) session.dispose();
    this.#prepacked.dispose();
    this.#runOptions.dispose();
  }
}
