import type { Clock } from '@sluice/shared';

export interface CircuitOptions {
  /** Failures within the window that open it. */
  readonly failuresMax: number;
  readonly windowMs: number;
  /** How long it stays open the first time; twice as long after each probe that fails, ... */
  readonly openMs: number;
  /** ... up to this. */
  readonly openMsMax: number;
}

export const defaultCircuit: CircuitOptions = { failuresMax: 5, windowMs: 30_000, openMs: 2_000, openMsMax: 60_000 };

export type CircuitState = 'closed' | 'open' | 'half-open';

/**
 * Keeps requests from a worker that fails them.
 *
 *   closed    -> open       too many failures within the window
 *   open      -> half-open  time is over
 *   half-open -> closed     a token came
 *   half-open -> open       a failure, for twice as long
 *
 * Half-open lets one request through at a time, the probe.
 */
export class CircuitBreaker {
  readonly #options: CircuitOptions;
  readonly #clock: Clock;
  /** Times of the last failures, at most `failuresMax`. */
  #failuresMs: number[] = [];
  /** Undefined: closed. */
  #openUntilMs: number | undefined;
  #openMs = 0;
  #hasProbe = false;

  constructor(options: CircuitOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get state(): CircuitState {
    if (this.#openUntilMs === undefined) return 'closed';
    return this.#clock.nowMs() < this.#openUntilMs ? 'open' : 'half-open';
  }

  /** Whether a request may go. */
  get isPassable(): boolean {
    const { state } = this;
    return state === 'closed' || (state === 'half-open' && !this.#hasProbe);
  }

  /** A request goes. True when it is the probe: then one of the other calls has to follow. */
  pass(): boolean {
    this.#hasProbe = this.state === 'half-open';
    return this.#hasProbe;
  }

  succeed(): void {
    if (this.#openUntilMs === undefined || this.state === 'open') return;
    this.#openUntilMs = undefined;
    this.#failuresMs = [];
    this.#hasProbe = false;
  }

  fail(): void {
    const nowMs = this.#clock.nowMs();
    const { failuresMax, windowMs, openMs, openMsMax } = this.#options;
    if (this.state === 'half-open') {
      this.#open(nowMs, Math.min(openMsMax, this.#openMs * 2));
      return;
    }
    this.#failuresMs = [...this.#failuresMs.filter((ms) => nowMs - ms < windowMs), nowMs].slice(-failuresMax);
    if (this.#openUntilMs === undefined && this.#failuresMs.length >= failuresMax) this.#open(nowMs, openMs);
  }

  /** The probe ended and says nothing of the worker: its client left, or it was refused. */
  release(): void {
    this.#hasProbe = false;
  }

  #open(nowMs: number, forMs: number): void {
    this.#openMs = forMs;
    this.#openUntilMs = nowMs + forMs;
    this.#hasProbe = false;
  }
}
