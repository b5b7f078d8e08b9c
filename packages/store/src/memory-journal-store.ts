import { assert, type Clock } from '@sluice/shared';
import {
  defaultJournalLimits,
  type JournalAddition,
  type JournalAppend,
  type JournalLimits,
  type JournalRead,
  type JournalStore,
  type JournalTake,
  journalReadMax,
} from './journal-store.js';

/** Streams that are kept; beyond it those written longest ago go. */
const streamsMax = 10_000;

interface Journal {
  /** Index of the first entry that is left. */
  firstIndex: number;
  readonly entries: string[];
  bytes: number;
  isEnded: boolean;
  term: number;
  expiresMs: number;
}

export class MemoryJournalStore implements JournalStore {
  readonly #clock: Clock;
  readonly #limits: JournalLimits;
  /** In the order of their last append. */
  readonly #journals = new Map<string, Journal>();

  constructor(clock: Clock, limits: Partial<JournalLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...defaultJournalLimits, ...limits };
  }

  async append(streamId: string, fromIndex: number, entries: readonly string[], term = 0): Promise<JournalAppend> {
    assert(Number.isInteger(fromIndex) && fromIndex >= 0, `journal index ${fromIndex}`);
    const journal = this.#find(streamId) ?? {
      firstIndex: 0,
      entries: [],
      bytes: 0,
      isEnded: false,
      term: 0,
      expiresMs: 0,
    };
    if (term < journal.term) return 'taken';
    if (journal.isEnded) return 'ended';
    const nextIndex = journal.firstIndex + journal.entries.length;
    if (fromIndex > nextIndex) return 'gap';
    for (const entry of entries.slice(nextIndex - fromIndex)) {
      journal.entries.push(entry);
      journal.bytes += Buffer.byteLength(entry);
    }
    while (journal.bytes > this.#limits.streamBytesMax) {
      journal.bytes -= Buffer.byteLength(journal.entries.shift() ?? '');
      journal.firstIndex += 1;
    }
    this.#keep(streamId, journal);
    return 'written';
  }

  appendAll(additions: readonly JournalAddition[]): Promise<readonly JournalAppend[]> {
    return Promise.all(
      additions.map(({ streamId, fromIndex, entries, term }) => this.append(streamId, fromIndex, entries, term)),
    );
  }

  async take(streamId: string): Promise<JournalTake> {
    const journal = this.#find(streamId);
    if (journal === undefined) return { kind: 'unknown' };
    journal.term += 1;
    this.#keep(streamId, journal);
    return { kind: 'taken', term: journal.term };
  }

  async end(streamId: string): Promise<boolean> {
    const journal = this.#find(streamId);
    if (journal === undefined) return false;
    journal.isEnded = true;
    this.#keep(streamId, journal);
    return true;
  }

  async read(streamId: string, fromIndex: number, entriesMax = journalReadMax): Promise<JournalRead> {
    assert(Number.isInteger(fromIndex) && fromIndex >= 0, `journal index ${fromIndex}`);
    const journal = this.#find(streamId);
    if (journal === undefined) return { kind: 'unknown' };
    const { firstIndex, isEnded } = journal;
    if (fromIndex < firstIndex) return { kind: 'trimmed', firstIndex };
    const entries = journal.entries.slice(fromIndex - firstIndex, fromIndex - firstIndex + entriesMax);
    const isLast = fromIndex + entries.length >= firstIndex + journal.entries.length;
    return { kind: 'found', fromIndex, entries, isEnded: isEnded && isLast };
  }

  async remove(streamId: string): Promise<void> {
    this.#journals.delete(streamId);
  }

  #find(streamId: string): Journal | undefined {
    const journal = this.#journals.get(streamId);
    return journal !== undefined && journal.expiresMs > this.#clock.wallMs() ? journal : undefined;
  }

  #keep(streamId: string, journal: Journal): void {
    journal.expiresMs = this.#clock.wallMs() + this.#limits.expireMs;
    this.#journals.delete(streamId);
    this.#journals.set(streamId, journal);
    // The map is in the order of expiry, so the first ones are all there is to look at.
    for (const [id, { expiresMs }] of this.#journals) {
      if (expiresMs > this.#clock.wallMs() && this.#journals.size <= streamsMax) break;
      this.#journals.delete(id);
    }
  }
}
