import type { WorkerId } from '../routing/policy.js';
import type { Worker } from '../workers/worker.js';

/** A request that took so many workers with it is likely the reason. */
export const DEATHS_MAX = 2;

/** Workers that may give a request back for other reasons, one after the other, before its client hears of it. */
const ATTEMPTS_MAX = 8;

/** Which workers had a request and did not finish it. */
export class Attempts {
  /** With the attachment in which each had it last. */
  readonly #left = new Map<Worker, number>();
  #count = 0;
  #deaths = 0;

  /** @param isDeath the worker did not give the request back: it was lost, or failed. */
  leave(worker: Worker, isDeath: boolean): void {
    this.#left.set(worker, worker.attachments);
    this.#count += 1;
    if (isDeath) this.#deaths += 1;
  }

  get isPoisonous(): boolean {
    return this.#deaths >= DEATHS_MAX;
  }

  get areSpent(): boolean {
    return this.#count >= ATTEMPTS_MAX;
  }

  /** Every worker that had it. */
  get tried(): ReadonlySet<WorkerId> {
    return new Set([...this.#left.keys()].map(({ id }) => id));
  }

  /** Those that have not attached anew since: where no other is left, a worker that came back may have it again. */
  get triedAndNotBack(): ReadonlySet<WorkerId> {
    return new Set(
      [...this.#left].filter(([worker, attachment]) => worker.attachments === attachment).map(([{ id }]) => id),
    );
  }
}
