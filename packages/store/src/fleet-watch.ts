import type { Clock, Rng } from '@sluice/shared';
import type { FleetView, LoadStore } from './load-store.js';

export interface FleetWatchParts {
  readonly loads: LoadStore;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Hears of every look, whether anything changed or not. Must not throw. */
  readonly onView: (view: FleetView) => void;
  /** Milliseconds between two looks, on average. Default 500. */
  readonly everyMs?: number;
}

/** Looks at the fleet again and again; the times vary by a quarter, so that gateways do not all ask at once. */
export class FleetWatch {
  readonly #parts: FleetWatchParts;
  #view: FleetView = { workers: [], gateways: [], ageMs: undefined };
  #isStopped = false;
  #stopTimer: () => void = () => {};

  constructor(parts: FleetWatchParts) {
    this.#parts = parts;
    this.#look();
  }

  /** What was seen last. */
  get view(): FleetView {
    return this.#view;
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer();
  }

  #look(): void {
    const { loads, clock, rng, onView, everyMs = 500 } = this.#parts;
    void loads.read().then((view) => {
      if (this.#isStopped) return;
      this.#view = view;
      onView(view);
      this.#stopTimer = clock.after(everyMs * (0.75 + rng.next() / 2), () => this.#look());
    });
  }
}
