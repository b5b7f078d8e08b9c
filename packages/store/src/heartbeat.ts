import type { Clock } from '@sluice/shared';
import { heartbeatMs } from './load-store.js';

/** How a member announces itself, and takes itself out. Neither rejects; see LoadStore. */
export interface HeartbeatParts {
  readonly put: () => Promise<unknown>;
  readonly remove: () => Promise<unknown>;
  readonly clock: Clock;
  readonly everyMs?: number;
}

/** Announces a member again and again until it leaves. At most one announcement is under way at a time. */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  #isStopped = false;
  #stopTimer: () => void = () => {};
  #beating: Promise<unknown> = Promise.resolve();

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#beat();
  }

  /** Takes the member out; resolves when the store knows, or is out of reach. The same promise when called again. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stopTimer();
    // An announcement that is still on its way would put the member back.
    await this.#beating;
    await this.#parts.remove();
  }

  #beat(): void {
    const { put, clock, everyMs = heartbeatMs } = this.#parts;
    this.#beating = put().then(() => {
      if (!this.#isStopped) this.#stopTimer = clock.after(everyMs, () => this.#beat());
    });
  }
}
