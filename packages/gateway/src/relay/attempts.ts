import type { WorkerId } from '../routing/policy.js';
import type { Worker } from '../workers/worker.js';

/** A request that took so many workers with it is likely the reason. */
export const DEATHS_MAX = 2;

/** Workers that may give a request back for other reasons, one after the other, before its client hears of it. */
const ATTEMPTS_MAX = 8;

/** A worker that is lost so soon after another one was dying when it got the request; milliseconds. */
const MOMENT_MS = 500;

/** How a request left a worker. */
export interface Leave {
  /** The worker did not give it back: it was lost, or failed. */
  readonly isDeath: boolean;
  /** The worker is gone, and whatever it had with it; and it had not said a word of this request. */
  readonly isSilentLoss: boolean;
  readonly nowMs: number;
}

/** Which workers had a request and did not finish it. */
export class Attempts {
  /** With the attachment in which each had it last. */
  readonly #left = new Map<Worker, number>();
  #count = 0;
  #deaths = 0;
  #deathMs = Number.NEGATIVE_INFINITY;
  #isExcused = false;

  /**
   * Two workers that are lost within moments of each other (a machine, a switch) are one misfortune, and a request that only
   * went from the one to the other is not the reason. It is excused once: one that kills whoever reads it looks the same.
   */
  leave(worker: Worker, { isDeath, isSilentLoss, nowMs }: Leave): void {
    this.#left.set(worker, worker.attachments);
    this.#count += 1;
    if (!isDeath) return;
    const isInnocent = isSilentLoss && !this.#isExcused && nowMs - this.#deathMs < MOMENT_MS;
    if (isInnocent) this.#isExcused = true;
    else this.#deaths += 1;
    this.#deathMs = nowMs;
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
