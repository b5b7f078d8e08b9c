import type { SequenceEvent } from '@sluice/worker';
import { quantile } from '../simulate/samples.js';

export interface GapTimes {
  readonly p99: number;
  readonly max: number;
}

/** A gap of a stream, and when it ended: milliseconds from the long prompt's arrival. */
export interface GapPoint {
  readonly atMs: number;
  readonly gapMs: number;
}

/** The id of the long prompt among the streams. */
export const LONG_ID = 'long';

/** Collects the times between two tokens of streams, before a long prompt comes and from then to its first token. */
export class GapWatch {
  readonly #uncounted: number;
  readonly #streams = new Map<string, { readonly tokens: number; readonly lastMs: number }>();
  readonly #before: number[] = [];
  readonly #after: number[] = [];
  /** By the clock. */
  readonly #points: GapPoint[] = [];
  #arrivedMs: number | undefined;
  #firstMs: number | undefined;

  /** @param uncounted first tokens of each stream that count for nothing. */
  constructor(uncounted: number) {
    this.#uncounted = uncounted;
  }

  /** @throws ServingError of a sequence that failed. */
  add(events: readonly SequenceEvent[], nowMs: number): void {
    for (const event of events) {
      if (event.kind === 'failed') throw event.error;
      if (event.kind === 'finished') this.end(event.id);
      else this.addToken(event.id, nowMs);
    }
  }

  end(id: string): void {
    this.#streams.delete(id);
  }

  addToken(id: string, nowMs: number): void {
    if (id === LONG_ID) {
      this.#firstMs ??= nowMs;
      return;
    }
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      const gapMs = nowMs - stream.lastMs;
      if (stream.tokens >= this.#uncounted) this.#points.push({ atMs: nowMs, gapMs });
      if (this.#arrivedMs === undefined) {
        if (stream.tokens >= this.#uncounted) this.#before.push(gapMs);
      } else if (stream.lastMs < (this.#firstMs ?? Number.POSITIVE_INFINITY)) this.#after.push(gapMs);
    }
    this.#streams.set(id, { tokens: (stream?.tokens ?? 0) + 1, lastMs: nowMs });
  }

  promptArrived(nowMs: number): void {
    this.#arrivedMs = nowMs;
  }

  /** Live streams that have at least so many tokens. */
  streamsWith(tokens: number): number {
    return [...this.#streams.values()].filter((stream) => stream.tokens >= tokens).length;
  }

  /** The prompt has its first token, and every stream has gone on since: what it waited for it is counted. */
  get isOver(): boolean {
    const firstMs = this.#firstMs;
    return firstMs !== undefined && [...this.#streams.values()].every(({ lastMs }) => lastMs >= firstMs);
  }

  get beforeMs(): GapTimes {
    return gapTimes(this.#before);
  }

  get afterMs(): GapTimes {
    return gapTimes(this.#after);
  }

  /** All that were counted, to a tenth of a millisecond. */
  get points(): readonly GapPoint[] {
    const tenths = (ms: number): number => Math.round(10 * ms) / 10;
    const arrivedMs = this.#arrivedMs ?? 0;
    return this.#points.map(({ atMs, gapMs }) => ({ atMs: tenths(atMs - arrivedMs), gapMs: tenths(gapMs) }));
  }

  /** From the prompt's arrival to its first token; NaN before both. */
  get ttftMs(): number {
    return (this.#firstMs ?? Number.NaN) - (this.#arrivedMs ?? Number.NaN);
  }
}

function gapTimes(gaps: readonly number[]): GapTimes {
  return { p99: quantile(gaps, 0.99), max: Math.max(0, ...gaps) };
}
