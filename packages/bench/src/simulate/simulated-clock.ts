import { assert, type Clock } from '@sluice/shared';

interface Timer {
  readonly atMs: number;
  /** Breaks ties: what was asked for first is called first. */
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Where simulated wall clocks begin. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * Time that stands still until the simulator moves it to the next timer. Nothing else can happen in between, so one
 * history of timers has one outcome.
 */
export class SimulatedClock implements Clock {
  #nowMs = 0;
  #orders = 0;
  /** A binary heap: a timer is due no later than those at twice its index and one or two more. */
  readonly #heap: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return EPOCH_MS + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    assert(delayMs >= 0, `a delay of ${delayMs} ms must not be negative`);
    const timer: Timer = { atMs: this.#nowMs + delayMs, order: this.#orders++, callback };
    this.#push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  /** Moves ahead past timers, which are then called late, in their order: as where a machine was suspended. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves to the next timer and calls it back; false when there is none. O(log timers). */
  advance(): boolean {
    for (;;) {
      const timer = this.#pop();
      if (timer === undefined) return false;
      if (timer.callback === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
      return true;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
