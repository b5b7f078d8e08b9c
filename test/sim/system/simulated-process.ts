import type { Clock } from '@sluice/shared';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';

/** One process of the fleet: nothing reaches what runs in it while it is paused, or after it was killed. */
export class SimulatedProcess implements Clock {
  readonly #clock: SimulatedClock;
  #state: 'running' | 'paused' | 'dead' = 'running';
  /** What is due and waits for the pause to end, in its order. */
  #held: (() => void)[] = [];
  #timers = 0;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  /** Timers that it waits for. */
  get timers(): number {
    return this.#timers;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    let isPending = true;
    this.#timers += 1;
    const settle = (): boolean => {
      const wasPending = isPending;
      if (wasPending) this.#timers -= 1;
      isPending = false;
      return wasPending;
    };
    const stop = this.#clock.after(delayMs, () =>
      this.run(() => {
        if (settle()) callback();
      }),
    );
    return () => {
      stop();
      settle();
    };
  }

  /** Does something in it: now, when its pause ends, or never. */
  run(callback: () => void): void {
    if (this.#state === 'running') callback();
    else if (this.#state === 'paused') this.#held.push(callback);
  }

  /** It hangs, as one that swaps or is stopped by a debugger. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    // One after the other, each with all that follows from it, as an event loop reads what has come.
    for (const callback of this.#held.splice(0)) this.#clock.after(0, () => this.run(callback));
  }

  kill(): void {
    this.#state = 'dead';
    this.#held = [];
  }
}
