/** A run, by the addresses of what belongs to it. */
export interface RunRequest {
  readonly session: bigint;
  /** 0: none. */
  readonly options: bigint;
  readonly binding: bigint;
}

/** How a run ended. What went wrong is told in a message of its own, which is there before the answer. */
export type RunOutcome = 'done' | 'failed';

/** A power of two, so that places follow each other where the counters begin anew. */
const PLACES = 64;

/** Runs that may wait for their answer; one place is for the word that there will be no more. */
export const RUNS_MAX = PLACES - 1;

const GIVEN = 0;
const ANSWERED = 1;
const OUTCOMES = 2;
const ADDRESSES_OFFSET = 8 * Math.ceil((OUTCOMES + PLACES) / 2);
const MAILBOX_BYTES = ADDRESSES_OFFSET + 8 * 3 * PLACES;

/**
 * Memory in which the JS thread gives runs to another thread and learns that they have ended. Neither side copies an object
 * or turns its event loop for it, as both do for a message: of a small pass that was a quarter of the JS thread's work.
 *
 * Counters of runs given and answered, on which the sides wait, and for each place a run's addresses and outcome. Of one
 * mailbox one thread gives and one answers, in order; at most {@link RUNS_MAX} may be under way.
 */
export class RunMailbox {
  /** What the other side makes its own mailbox over. */
  readonly memory: SharedArrayBuffer;
  /** [given, answered, outcome of each place] */
  readonly #counters: Int32Array;
  /** [places, 3]: session, options, binding. */
  readonly #addresses: BigUint64Array;
  /** How many of the other side's this side has seen, modulo 2^32. */
  #seen = 0;

  constructor(memory = new SharedArrayBuffer(MAILBOX_BYTES)) {
    this.memory = memory;
    this.#counters = new Int32Array(memory, 0, OUTCOMES + PLACES);
    this.#addresses = new BigUint64Array(memory, ADDRESSES_OFFSET, 3 * PLACES);
  }

  // ---- who gives runs

  give({ session, options, binding }: RunRequest): void {
    const given = this.#counters[GIVEN]!;
    const place = 3 * placeOf(given);
    this.#addresses[place] = session;
    this.#addresses[place + 1] = options;
    this.#addresses[place + 2] = binding;
    Atomics.store(this.#counters, GIVEN, given + 1);
    Atomics.notify(this.#counters, GIVEN);
  }

  /** There will be no more runs. */
  giveEnd(): void {
    this.give({ session: 0n, options: 0n, binding: 0n });
  }

  /** Of the oldest run whose outcome was not taken; undefined while it is under way. */
  takeOutcome(): RunOutcome | undefined {
    if (Atomics.load(this.#counters, ANSWERED) === this.#seen) return undefined;
    const outcome = this.#counters[OUTCOMES + placeOf(this.#seen)] === 0 ? 'done' : 'failed';
    this.#seen = (this.#seen + 1) | 0;
    return outcome;
  }

  /** Until there may be an outcome to take; undefined: there may be one now. Does not keep the process alive. */
  outcomeComes(): Promise<unknown> | undefined {
    const wait = Atomics.waitAsync(this.#counters, ANSWERED, this.#seen);
    return wait.async ? wait.value : undefined;
  }

  // ---- who computes them

  /** The next run, for which it blocks its thread; undefined: there will be no more. */
  next(): RunRequest | undefined {
    // The word of a run that was seen before it came wakes the wait for the next one.
    while (Atomics.load(this.#counters, GIVEN) === this.#seen) Atomics.wait(this.#counters, GIVEN, this.#seen);
    const place = 3 * placeOf(this.#seen);
    const session = this.#addresses[place]!;
    if (session === 0n) return undefined;
    this.#seen = (this.#seen + 1) | 0;
    return { session, options: this.#addresses[place + 1]!, binding: this.#addresses[place + 2]! };
  }

  /** For the run that {@link next} gave. */
  answer(outcome: RunOutcome): void {
    const answered = this.#counters[ANSWERED]!;
    this.#counters[OUTCOMES + placeOf(answered)] = outcome === 'done' ? 0 : 1;
    Atomics.store(this.#counters, ANSWERED, answered + 1);
    Atomics.notify(this.#counters, ANSWERED);
  }
}

function placeOf(count: number): number {
  return count & (PLACES - 1);
}
