import { loadRuntime, type RunThread, Tensor } from '@sluice/ort';
import { assert } from '@sluice/shared';
import type { CopiedTokens, ModelLimits, ModelPort } from '../engine/model-port.js';
import type { PrefillChunk, StepOutput, StepPlan } from '../engine/step-plan.js';
import { attentionBlockTokens, rotaryTables } from './architectures/config.js';
import { turningBack } from './compile/hidden-basis.js';
import { kvLayout } from './compile/kv-layout.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import { CANDIDATES } from './compile/pick-graph.js';
import type { CompiledFiles } from './compiled-files.js';
import { ExecutorChoice, type ExecutorMode, type RememberedChoice } from './executor-choice.js';
import { executorsFor, narrowExecutors } from './executor-width.js';
import { GraphSessions } from './graph-sessions.js';
import { LaneCache, positionsFor } from './lane-cache.js';
import { decodeTokensOf, hasLanesFor, hasRoomFor, LaneExecutor } from './lane-executor.js';
import type { LaneModelOptions } from './lane-model-options.js';
import { LaneOutputs } from './lane-outputs.js';
import { LanePasses } from './lane-passes.js';
import { LaneSession } from './lane-session.js';
import { RaggedSession } from './ragged-session.js';
import { joinOutputs, type PlanPart } from './split-plan.js';

type Graph = CompiledFiles['graphs'][number];

/**
 * A model on the CPU: hybrid batches, with own kernels by one graph for all passes (compile/ragged-attention.ts), with the
 * runtime's through lanes (compile/lanes-graph.ts): one session for each number of chunks a plan can have, and again for
 * decodes of several tokens. All are over one mapped copy of the weights, one prepacked copy and one cache. A pass runs on one
 * wide executor, or in parts on narrow ones side by side: the same to the bit. Plans of more chunks than a graph has room for
 * run in parts always. Several passes run at a time, each on narrow executors of its own.
 *
 * Sessions are opened when the first pass comes that needs them, which waits for it; {@link openFirst} and {@link openRest}
 * have them open before.
 */
export class LaneModel implements ModelPort {
  readonly limits: ModelLimits;
  readonly #wide: LaneExecutor<Graph>;
  /** Side by side, each with its share of the threads; none where there is nothing to share. */
  readonly #narrow: readonly LaneExecutor<Graph>[];
  /** What graphs of narrow ones have room for. */
  readonly #narrowRoom: LaneCounts;
  readonly #mode: ExecutorMode;
  /** Whether a graph is one of those that a first request needs; each condition is for a session of its own. */
  readonly #areFirst: readonly ((graph: Graph) => boolean)[];
  readonly #choice: ExecutorChoice;
  readonly #nowMs: () => number;
  readonly #sessions: GraphSessions;
  /** Native sessions of all executors, in the order in which they are opened. */
  readonly #natives: Parameters<GraphSessions['session']>[] = [];
  readonly #cache: LaneCache;
  readonly #turnBack: (state: Float64Array) => Float64Array;
  /** Of the wide executor's passes; undefined where the system places threads. */
  readonly #thread: RunThread | undefined;
  readonly #passes: LanePasses<LaneExecutor<Graph>>;

  constructor(files: CompiledFiles, options: LaneModelOptions) {
    const { config } = files;
    const { slots, contextTokens, stepTokensMax, threads, nowMs = () => 0 } = options;
    const executors = executorsFor(options.executors ?? 'wide', files.kernels, threads);
    assert(executors !== 'auto' || options.nowMs !== undefined, 'what is quicker cannot be found out without a clock');
    const isOwn = files.kernels === 'own';
    assert(!isOwn || options.operatorLibrary !== undefined, 'graphs with operators of our own need their library');
    assert(
      isOwn || files.hasSink || threads <= config.heads,
      `graphs for ${config.heads} threads are not for ${threads}`,
    );
    const narrow = executors === 'wide' ? { count: 0, threads: 0 } : narrowExecutors(threads, options.narrowCount);
    this.#mode = executors;
    this.#nowMs = nowMs;
    const room = roomOf(files.graphs);
    this.limits = {
      vocabularyCount: config.vocabularyCount,
      slotsMax: slots,
      contextTokens,
      stepTokensMax,
      chunksMax: room.chunks,
      chunksAbreast: Math.max(1, narrow.count),
      chunkBlockTokens: attentionBlockTokens(config),
      decodeTokensMax: room.decodeTokens,
      decodesSpanSlots: !isOwn,
      // The runtime's linear layers take another kernel for a row alone.
      chunksRoundAsDecodes: isOwn && files.weightMode === 'w8a8',
      wantedRowsMax: stepTokensMax,
      embeddingLength: config.hidden,
    };
    this.#passes = new LanePasses(this.limits);
    // Where idle rows of lanes write: one position behind the last token, and slots behind the last sequence, one for each
    // executor.
    const idle = isOwn ? { positions: 0, slots: 0 } : { positions: 1, slots: 1 + narrow.count };
    const layout = kvLayout(files.kv, files.kernels, config);
    const positions = positionsFor(layout, contextTokens + idle.positions);
    const cache = new LaneCache(config, layout, slots + idle.slots, positions);
    this.#cache = cache;
    this.#turnBack = files.turnedNorm === undefined ? (state) => state : turningBack(files.turnedNorm);
    const tables = rotaryTables(config, positions);
    const shape = [positions, config.headDim / 2];
    const rotary = { cos: Tensor.over(tables.cos, shape), sin: Tensor.over(tables.sin, shape) };

    const { processors } = options;
    assert(processors === undefined || processors.length === threads, `${threads} processors for ${threads} threads`);
    this.#thread = processors === undefined ? undefined : loadRuntime().createRunThread(processors.slice(0, 1));
    this.#sessions = new GraphSessions(files.weightsPath, files.weights, options);
    const executor = (
      graphs: CompiledFiles['graphs'],
      threads: number,
      pool: string,
      spareSlot: number,
      thread?: RunThread,
    ): LaneExecutor<Graph> => {
      const others = (thread === undefined ? undefined : processors?.slice(1)) ?? [];
      const native = (path: string): Parameters<GraphSessions['session']> => [path, threads, pool, others];
      this.#natives.push(...graphs.map(({ path }) => native(path)));
      const runOptions = loadRuntime().createRunOptions();
      let outputs: LaneOutputs | undefined;
      return new LaneExecutor(graphs, isOwn ? hasRoomFor : hasLanesFor, runOptions, async (graph) => {
        const session = await this.#sessions.session(...native(graph.path));
        outputs ??= new LaneOutputs({
          ...this.limits,
          hiddenLength: config.hidden,
          candidateCount: Math.min(CANDIDATES, config.vocabularyCount),
        });
        const { wantedRowsMax } = this.limits;
        const parts = { session, cache, outputs, rotary, runOptions, thread, stepTokensMax, wantedRowsMax };
        return isOwn ? new RaggedSession(parts) : new LaneSession({ ...parts, counts: graph, spareSlot });
      });
    };
    this.#wide = executor(files.graphs, threads, 'wide', slots, this.#thread);
    // In lanes a part of a plan has one chunk at most. Threads of a session belong to one pass at a time; without any but the caller's,
    // one native session of a graph serves all executors: each has its own binding.
    const partGraphs = isOwn
      ? files.graphs
      : files.graphs.filter(({ chunks, decodeTokens }) => chunks <= 1 && decodeTokens === 1);
    this.#narrowRoom = roomOf(partGraphs);
    this.#areFirst = isOwn ? [() => true] : [isFor(0), isFor(1)];
    this.#narrow = Array.from({ length: narrow.count }, (_, index) =>
      executor(partGraphs, narrow.threads, narrow.threads === 1 ? 'narrow' : `narrow ${index}`, slots + 1 + index),
    );
    const { rememberedChoice } = options;
    const { chunks } = this.#narrowRoom;
    this.#choice = new ExecutorChoice(executors, this.#narrow.length, rememberedChoice, chunks, this.limits);
  }

  /**
   * Opens what a first request needs: the wide executor's sessions for at most one chunk. On other threads, so that the
   * caller can do something else meanwhile.
   * @throws (rejects) OrtError where a graph cannot be opened.
   */
  openFirst(): Promise<void> {
    return this.#unlessClosed(Promise.all(this.#areFirst.map((isFirst) => this.#wide.open(isFirst))));
  }

  /**
   * Opens everything else, one session after the other. Rejects as {@link openFirst}; what is not open is tried again when
   * it is needed.
   * @param lull waited for in front of each session, which takes a core for some 0.3 s.
   */
  openRest(lull: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const open = async (): Promise<void> => {
      for (const native of this.#natives) {
        if (this.#sessions.has(...native)) continue;
        await lull();
        await this.#sessions.session(...native);
      }
      for (const executor of [this.#wide, ...this.#narrow]) await executor.open();
    };
    return this.#unlessClosed(open());
  }

  /** All narrow ones, once they are open. */
  get executors(): number {
    return this.#narrow.every(({ isOpen }) => isOpen) ? Math.max(1, this.#narrow.length) : 1;
  }

  async forward(plan: StepPlan, executors?: number): Promise<StepOutput> {
    const { decodeTokensMax } = this.limits;
    const { decodes, chunks } = plan;
    const chunksMax = executors ?? Math.max(this.limits.chunksMax, this.#narrow.length);
    const decodeTokens = decodeTokensOf(decodes);
    const tokensMax = executors === undefined ? decodeTokensMax : 1;
    assert(chunks.length <= chunksMax, `a plan has at most ${chunksMax} chunks, not ${chunks.length}`);
    assert(decodeTokens <= tokensMax, `a decode has at most ${tokensMax} tokens, not ${decodeTokens}`);
    const mine =
      executors === undefined
        ? this.#passes.begin(plan, [this.#wide, ...this.#narrow])
        : this.#passes.begin(plan, this.#narrow, executors);
    // Those of now, whom the plan knows of: in the next tick one of them may have ended.
    const chunksOfAll = this.#passes.plans.flatMap((one) => one.chunks);
    try {
      if (executors !== undefined) return await this.#runApart(plan, mine, chunksOfAll);
      const parts = await this.#partsOf(plan, decodeTokens);
      return await (parts === undefined
        ? this.#runWhole(plan)
        : this.#runParts(plan, parts, this.#narrow, chunksOfAll));
    } finally {
      this.#passes.end(plan);
      for (const executor of mine) executor.rest();
    }
  }

  /** The parts in which a pass is to be run now, all that it needs opened; undefined: as a whole. */
  async #partsOf(plan: StepPlan, decodeTokens: number): Promise<readonly PlanPart[] | undefined> {
    const canBeWhole = plan.chunks.length <= this.limits.chunksMax;
    // A pass that may as well run on the wide executor does not wait for narrow ones.
    const areReady = this.#mode === 'narrow' || !canBeWhole || this.#narrow.every(({ isOpen }) => isOpen);
    const canBeParts = areReady && decodeTokens <= this.#narrowRoom.decodeTokens;
    const parts = canBeParts ? this.#choice.choose(plan, canBeWhole) : undefined;
    if (parts === undefined) await this.#wide.openFor(plan);
    else await Promise.all(parts.map((part, index) => this.#narrow[index]!.openFor(part.plan)));
    return parts;
  }

  /** A model that is closed meanwhile has nothing to open. */
  async #unlessClosed(opening: Promise<unknown>): Promise<void> {
    try {
      await opening;
    } catch (failure) {
      if (!this.#sessions.isClosed) throw failure;
    }
  }

  async #runWhole(plan: StepPlan): Promise<StepOutput> {
    const startMs = this.#nowMs();
    const output = await this.#wide.forward(plan);
    this.#choice.observeWide(plan, this.#nowMs() - startMs);
    return output;
  }

  /** Beside other passes. */
  async #runApart(
    plan: StepPlan,
    executors: readonly LaneExecutor<Graph>[],
    chunksOfAll: readonly PrefillChunk[],
  ): Promise<StepOutput> {
    const parts = this.#choice.share(plan, executors.length);
    await Promise.all(parts.map((part, index) => executors[index]!.openFor(part.plan)));
    return this.#runParts(plan, parts, executors, chunksOfAll);
  }

  /**
   * All of them end before this does, also where one fails.
   * @param chunksOfAll of all passes that run, this one's too.
   */
  async #runParts(
    plan: StepPlan,
    parts: readonly PlanPart[],
    executors: readonly LaneExecutor<Graph>[],
    chunksOfAll: readonly PrefillChunk[],
  ): Promise<StepOutput> {
    const startMs = this.#nowMs();
    const runs = parts.map(async (part, index) => {
      const alongside = chunksOfAll.filter((chunk) => !part.plan.chunks.includes(chunk));
      const output = await executors[index]!.forward(part.plan, alongside);
      this.#choice.observeNarrow(part.work, this.#nowMs() - startMs);
      return output;
    });
    await Promise.allSettled(runs);
    return joinOutputs(plan, parts, await Promise.all(runs));
  }

  turnBack(state: Float64Array): Float64Array {
    return this.#turnBack(state);
  }

  stop(plan: StepPlan): void {
    for (const executor of this.#passes.executorsOf(plan)) executor.stop();
  }

  /** About 46 KB a token for a model of 135 million parameters, at the speed of memory: 1,000 tokens in some 10 ms. */
  copy(fromSlot: number, toSlot: number, tokens: number): void {
    this.#passes.assertStill(toSlot);
    this.#cache.copy(fromSlot, toSlot, tokens);
  }

  copyBytes(tokens: number): number {
    return this.#cache.copyBytes(tokens);
  }

  copyOut(slot: number, tokens: number): CopiedTokens {
    this.#passes.assertStill(slot);
    return { tokens, bytes: this.#cache.copyOut(slot, tokens) };
  }

  copyIn(slot: number, copied: CopiedTokens): void {
    this.#passes.assertStill(slot);
    this.#cache.copyIn(slot, copied);
  }

  prepare(slot: number, tokens: number): void {
    this.#passes.assertStill(slot);
    this.#cache.prepare(slot, tokens);
  }

  release(slot: number, fromToken: number): void {
    this.#cache.release(slot, fromToken);
  }

  /** What is known about which executors are quicker, for the next start. */
  get rememberedChoice(): RememberedChoice {
    return this.#choice.remembered;
  }

  /** Ends what `profilePrefix` began; the paths of the files. */
  endProfiling(): string[] {
    return this.#sessions.endProfiling();
  }

  close(): void {
    assert(this.#passes.isEmpty, 'a model is closed between passes');
    this.#thread?.close();
    this.#sessions.close();
    for (const executor of [this.#wide, ...this.#narrow]) executor.dispose();
  }
}

/** Graphs for so many chunks, beside decodes of one token. */
function isFor(chunkCount: number): (graph: Graph) => boolean {
  return ({ chunks, decodeTokens }) => chunks === chunkCount && decodeTokens === 1;
}

/** The most that any of these graphs has room for. */
function roomOf(graphs: readonly LaneCounts[]): LaneCounts {
  return {
    chunks: Math.max(...graphs.map(({ chunks }) => chunks)),
    decodeTokens: Math.max(...graphs.map(({ decodeTokens }) => decodeTokens)),
  };
}
