import type { Clock, Rng } from '@sluice/shared';
import type { FleetView, LoadStore } from './load-store.js';

export interface FleetWatchParts {
  readonly loads: LoadStore;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Hears of every look, whether anything changed or not. Must not throw. */
  readonly onView: (view: FleetView) => void;
  /** Milliseconds between two looks at a small fleet, on average. Default 500. */
  readonly everyMs?: number;
}

/** Added to the time between two looks for each member: reading a thousand takes several milliseconds of this thread. */
const memberMs = 2;

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
      const waitMs = everyMs + memberMs * (view.workers.length + view.gateways.length);
      this.#stopTimer = clock.after(waitMs * (0.75 + rng.next() / 2), () => this.#look());
    });
  }
}
