import type { WorkerId, WorkerView } from '../routing/policy.js';

/** A worker with so large a share of its slots running is as slow as with all of them. */
const FULL_RATIO = 0.75;
/** Prompt tokens a second where a worker has measured none. */
const RATE_UNKNOWN = 1_000;

/** What requests look like that workers are to be full of. */
export interface UsualRequest {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** How fast each worker's streams go when all its slots run, which at other times it does not say. */
export class WorkerPaces {
  /** Tokens a second that each said last when it was full. */
  readonly #full = new Map<WorkerId, number>();

  /** Looks at workers. Those that are not among `views` are forgotten when there are many of them. */
  observe(views: readonly WorkerView[]): void {
    for (const { id, load } of views) {
      if (load.running < FULL_RATIO * load.slotsMax || load.decodeTokensPerSecond === 0) continue;
      this.#full.set(id, load.decodeTokensPerSecond);
    }
    if (this.#full.size <= 2 * views.length + 64) return;
    const known = new Set(views.map(({ id }) => id));
    for (const id of this.#full.keys()) if (!known.has(id)) this.#full.delete(id);
  }

  /**
   * Milliseconds between two tokens of a stream while all slots run and new prompts are computed beside them, as measured;
   * else from what few streams took and what prompts take, where a row is taken to cost as much as a prompt token.
   */
  fullMs({ id, load }: WorkerView, { promptTokens, answerTokens }: UsualRequest): number {
    const measured = this.#full.get(id);
    if (measured !== undefined) return (load.slotsMax * 1000) / measured;
    const tokenMs = 1000 / (load.prefillTokensPerSecond || RATE_UNKNOWN);
    const fewMs = load.running > 0 && load.decodeTokensPerSecond > 0 ? 1000 / load.decodeTokensPerSecond : 0;
    const promptsMs = (load.slotsMax * promptTokens * tokenMs) / Math.max(1, answerTokens);
    return fewMs + load.slotsMax * tokenMs + promptsMs;
  }
}
