import { type Clock, systemClock } from '@sluice/shared';

/** Measured on a virtual machine: 7,500 MB went back within 22 s, taking up to a tenth of its processors at that. */
const MS_PER_MB = 3;
const WAIT_MS_MAX = 60_000;

/**
 * A virtual machine gives memory that is free back to its host, for some seconds a gigabyte, and has less of its processors
 * meanwhile. Whoever is measured behind a large subject would pay for that, and nobody behind a small one; so all wait.
 */
export class FreedMemory {
  readonly #clock: Clock;
  #goneAtMs = 0;

  constructor(clock: Clock = systemClock()) {
    this.#clock = clock;
  }

  /** Subjects have ended that held so many megabytes. */
  add(megabytes: number): void {
    this.#goneAtMs = this.#clock.nowMs() + Math.min(WAIT_MS_MAX, MS_PER_MB * megabytes);
  }

  /** Until it is the host's. */
  async gone(): Promise<void> {
    const leftMs = this.#goneAtMs - this.#clock.nowMs();
    if (leftMs > 0) await new Promise<void>((resolve) => this.#clock.after(leftMs, resolve));
  }
}
