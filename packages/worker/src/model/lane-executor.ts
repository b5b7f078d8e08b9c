import type { RunOptions } from '@sluice/ort';
import { assert } from '@sluice/shared';
import type { PrefillChunk, StepOutput, StepPlan } from '../engine/step-plan.js';
import type { LaneCounts } from './compile/lanes-graph.js';

/** A graph that is ready to run. */
export interface PassSession {
  /**
   * @param plan for which the graph has room, of at least one token.
   * @param alongside chunks that other sessions compute at the same time.
   * @throws (rejects) when the runtime refuses the pass.
   */
  forward(plan: StepPlan, alongside: readonly PrefillChunk[]): Promise<StepOutput>;
}

/** Makes one graph ready to run. */
export type OpenGraph<Graph extends LaneCounts> = (graph: Graph) => Promise<PassSession>;

/** Whether a graph is for passes of so many chunks, beside decodes of at most so many tokens. */
export type Fits = (graph: LaneCounts, chunks: number, decodeTokens: number) => boolean;

/** Each lane of a graph has a chunk; a decode lane may be idle. */
export const hasLanesFor: Fits = (graph, chunks, decodeTokens) =>
  graph.chunks === chunks && graph.decodeTokens >= decodeTokens;

export const hasRoomFor: Fits = (graph, chunks, decodeTokens) =>
  graph.chunks >= chunks && graph.decodeTokens >= decodeTokens;

/**
 * What computes passes one after another: a session for each graph, opened when the first plan comes that it fits or somebody
 * asks for it.
 */
export class LaneExecutor<Graph extends LaneCounts = LaneCounts> {
  /** Through which its pass is stopped. */
  readonly #runOptions: RunOptions;
  readonly #graphs: readonly Graph[];
  readonly #fits: Fits;
  readonly #openGraph: OpenGraph<Graph>;
  readonly #sessions = new Map<Graph, PassSession>();

  /** @param runOptions of the sessions that `openGraph` gives. */
  constructor(graphs: readonly Graph[], fits: Fits, runOptions: RunOptions, openGraph: OpenGraph<Graph>) {
    this.#runOptions = runOptions;
    this.#graphs = graphs.toSorted((a, b) => a.decodeTokens - b.decodeTokens || a.chunks - b.chunks);
    this.#fits = fits;
    this.#openGraph = openGraph;
  }

  get isOpen(): boolean {
    return this.#sessions.size === this.#graphs.length;
  }

  /**
   * Opens the sessions of the graphs that are wanted, one after the other.
   * @throws (rejects) OrtError where one cannot be opened.
   */
  async open(isWanted: (graph: Graph) => boolean = () => true): Promise<void> {
    for (const graph of this.#graphs) if (isWanted(graph)) await this.#open(graph);
  }

  /** Opens what {@link forward} of the plan needs. Rejects as {@link open}. */
  async openFor(plan: StepPlan): Promise<void> {
    await this.#open(this.#graphFor(plan));
  }

  /**
   * @param plan one that the executor was opened for.
   * @param alongside chunks that other executors compute at the same time.
   * @throws (rejects) as {@link PassSession.forward}.
   */
  forward(plan: StepPlan, alongside: readonly PrefillChunk[] = []): Promise<StepOutput> {
    const session = this.#sessions.get(this.#graphFor(plan));
    assert(session !== undefined, 'a session is opened before it runs');
    return session.forward(plan, alongside);
  }

  /** Asks its pass to end before its next operator. */
  stop(): void {
    this.#runOptions.terminate();
  }

  /** No pass runs, and the next one is not to be stopped. */
  rest(): void {
    if (this.#runOptions.terminated) this.#runOptions.reset();
  }

  dispose(): void {
    this.#runOptions.dispose();
  }

  async #open(graph: Graph): Promise<void> {
    if (this.#sessions.has(graph)) return;
    const session = await this.#openGraph(graph);
    // Another call may have been quicker; the one that has run knows what is bound.
    if (!this.#sessions.has(graph)) this.#sessions.set(graph, session);
  }

  /** With no more decode lanes than needed: each costs something, also one whose rows are all idle. */
  #graphFor({ decodes, chunks }: StepPlan): Graph {
    const tokens = decodeTokensOf(decodes);
    const found = this.#graphs.find((one) => this.#fits(one, chunks.length, tokens));
    assert(found !== undefined, `no graph for ${chunks.length} chunks beside decodes of ${tokens} tokens`);
    return found;
  }
}

/** Most tokens of a decode; 1 where there is none. */
export function decodeTokensOf(decodes: StepPlan['decodes']): number {
  return decodes.reduce((most, { tokenIds }) => Math.max(most, tokenIds.length), 1);
}
