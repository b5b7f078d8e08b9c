import { assert } from '@sluice/shared';
import type { PrefillChunk, StepOutput, StepPlan } from '../engine/step-plan.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import type { LaneSession } from './lane-session.js';

/** Runs one plan at a time, by the session that fits it; several of them run side by side. */
export class LaneExecutor {
  /** By rising decode tokens. */
  readonly #sessions: readonly (LaneCounts & { readonly session: LaneSession })[];

  constructor(sessions: readonly (LaneCounts & { readonly session: LaneSession })[]) {
    this.#sessions = sessions.toSorted((a, b) => a.decodeTokens - b.decodeTokens);
  }

  /**
   * @param alongside chunks that other executors compute at the same time.
   * @throws (rejects) as {@link LaneSession.forward}.
   */
  forward(plan: StepPlan, alongside: readonly PrefillChunk[] = []): Promise<StepOutput> {
    return this.#sessionFor(plan).forward(plan, alongside);
  }

  /** With no more decode lanes than needed: each costs something, also one whose rows are all idle. */
  #sessionFor({ decodes, chunks }: StepPlan): LaneSession {
    const tokens = decodeTokensOf(decodes);
    const found = this.#sessions.find((one) => one.chunks === chunks.length && one.decodeTokens >= tokens);
    assert(found !== undefined, `no graph for ${chunks.length} chunks beside decodes of ${tokens} tokens`);
    return found.session;
  }
}

/** Most tokens of a decode; 1 where there is none. */
export function decodeTokensOf(decodes: StepPlan['decodes']): number {
  return decodes.reduce((most, { tokenIds }) => Math.max(most, tokenIds.length), 1);
}
