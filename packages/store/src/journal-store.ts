/** What became of an append. */
export type JournalAppend =
  /** All of it is there now, whether written by this call or, a repeated one, before. */
  | 'written'
  /** `fromIndex` is behind the end: something before it was lost, and so is the rest of this stream. */
  | 'gap'
  /** The stream was ended before; nothing was written. */
  | 'ended'
  /** Another writer took the stream over; nothing was written, and nothing of this writer ever will be. */
  | 'taken'
  /** The store is out of reach; nothing was written, as far as anybody knows. */
  | 'unavailable';

/** Entries in a row for the end of a stream. */
export interface JournalAddition {
  readonly streamId: string;
  /** Of the first entry. A stream begins with its first append, at index 0. */
  readonly fromIndex: number;
  readonly entries: readonly string[];
  /** What {@link JournalStore.take} gave; 0 for who began it. */
  readonly term: number;
}

/** Entries in a row from a stream. */
export interface JournalSlice {
  readonly fromIndex: number;
  readonly entries: readonly string[];
  /** Whether the stream was ended, and no entry will come after these. */
  readonly isEnded: boolean;
}

export type JournalRead =
  | ({ readonly kind: 'found' } & JournalSlice)
  /** Expired, or never written. */
  | { readonly kind: 'unknown' }
  /** Entries from `fromIndex` on had to go for newer ones; the oldest left is `firstIndex`. */
  | { readonly kind: 'trimmed'; readonly firstIndex: number }
  | { readonly kind: 'unavailable' };

export type JournalTake =
  /** Whoever gives an earlier term can write nothing from now on. */
  | { readonly kind: 'taken'; readonly term: number }
  /** Expired, or never written. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable' };

export interface JournalLimits {
  /** Bytes of UTF-8 kept of one stream; beyond it the oldest entries go. Default 1 MiB. */
  readonly streamBytesMax: number;
  /** Milliseconds after the last append at which a stream is forgotten. Default 300,000. */
  readonly expireMs: number;
}

/**
 * What streams have said, for clients that come back to another gateway. An entry has an index within its stream, from 0
 * up without a gap, and is written once: repeating an append changes nothing. A stream has one writer: who begins it
 * writes in term 0, and each who takes it over in a later one, which shuts out those before.
 *
 * Nothing here throws or waits longer than the store's bound for a command.
 */
export interface JournalStore {
  /**
   * Adds entries, of which the first has index `fromIndex`. A stream begins with its first append, at index 0.
   * @param term what {@link take} gave; default 0.
   */
  append(streamId: string, fromIndex: number, entries: readonly string[], term?: number): Promise<JournalAppend>;
  /**
   * Appends to many streams, in few commands. What becomes of one has nothing to do with the others, unless the store is out
   * of reach. A stream is among them once.
   * @returns what became of each.
   */
  appendAll(additions: readonly JournalAddition[]): Promise<readonly JournalAppend[]>;
  /** Makes the caller its only writer. Of two who take it the later one is. What is read afterwards is all there is. */
  take(streamId: string): Promise<JournalTake>;
  /** Says that nothing will come after what is there. @returns whether it was written. */
  end(streamId: string): Promise<boolean>;
  /** The entries from `fromIndex` on, none when that is the end; at most `entriesMax` of them (default 1,024). */
  read(streamId: string, fromIndex: number, entriesMax?: number): Promise<JournalRead>;
  /** Forgets a stream that nobody will ask for. */
  remove(streamId: string): Promise<void>;
}

export const defaultJournalLimits: JournalLimits = { streamBytesMax: 2 ** 20, expireMs: 300_000 };
export const journalReadMax = 1_024;
