import type { Clock } from '@sluice/shared';

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<number, { readonly atMs: number; readonly callback: () => void }>();
  #nextTimer = 1;

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  /** Callbacks that are due some time. */
  get timers(): number {
    return this.#timers.size;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = this.#nextTimer++;
    this.#timers.set(timer, { atMs: this.#nowMs + delayMs, callback });
    return () => this.#timers.delete(timer);
  }

  /** Moves on by `ms`, calling back what falls due on the way, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= endMs);
      const first = due.sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (first === undefined) break;
      this.#timers.delete(first[0]);
      this.#nowMs = first[1].atMs;
      first[1].callback();
    }
    this.#nowMs = endMs;
  }
}
