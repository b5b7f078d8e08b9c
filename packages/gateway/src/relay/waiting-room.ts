import type { Clock } from '@sluice/shared';

/** Short beside the seconds that a worker takes to come back. */
const LOOK_EVERY_MS = 50;

interface Waiter {
  readonly deadlineMs: number;
  readonly tryAgain: () => boolean;
  readonly giveUp: () => void;
}

/**
 * Requests that have lost their worker where no other takes them at the moment. They look again together, all by one
 * timer, until their time is over. As many as there are requests in flight.
 */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #waitMsMax: number;
  readonly #waiters = new Set<Waiter>();
  #stopLook: (() => void) | undefined;

  constructor(clock: Clock, waitMsMax: number) {
    this.#clock = clock;
    this.#waitMsMax = waitMsMax;
  }

  get count(): number {
    return this.#waiters.size;
  }

  /**
   * Calls `tryAgain` until it is true, or `giveUp` when the time is over; neither before this returns.
   * @returns a function that leaves.
   */
  enter(tryAgain: () => boolean, giveUp: () => void): () => void {
    const waiter = { deadlineMs: this.#clock.nowMs() + this.#waitMsMax, tryAgain, giveUp };
    this.#waiters.add(waiter);
    this.#stopLook ??= this.#lookLater();
    return () => {
      this.#waiters.delete(waiter);
      if (this.#waiters.size > 0) return;
      this.#stopLook?.();
      this.#stopLook = undefined;
    };
  }

  #lookLater(): () => void {
    return this.#clock.after(Math.min(LOOK_EVERY_MS, this.#waitMsMax), () => this.#look());
  }

  #look(): void {
    this.#stopLook = undefined;
    const nowMs = this.#clock.nowMs();
    for (const waiter of [...this.#waiters]) {
      // One before it may have made it leave.
      if (!this.#waiters.has(waiter)) continue;
      const isOver = nowMs >= waiter.deadlineMs;
      if (waiter.tryAgain()) this.#waiters.delete(waiter);
      else if (isOver) {
        this.#waiters.delete(waiter);
        waiter.giveUp();
      }
    }
    if (this.#waiters.size > 0) this.#stopLook ??= this.#lookLater();
  }
}
