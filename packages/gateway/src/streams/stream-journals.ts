import type { GenerateEvent } from '@sluice/proto';
import { type Clock, ServingError } from '@sluice/shared';
import { defaultJournalLimits, type JournalAddition, type JournalAppend, type JournalStore } from '@sluice/store';
import { preview } from '../api/field-error.js';
import type { EventId } from './event-id.js';
import { readLines } from './event-line.js';
import { type Order, readOrder } from './order.js';
import { type JournalPlace, StreamJournal } from './stream-journal.js';

export interface StreamJournalsParts {
  readonly store: JournalStore;
  readonly clock: Clock;
  /** 22 characters that nobody can guess. */
  readonly newStreamId: () => string;
}

/** A stream that began elsewhere, or here before its client lost it. */
export interface PastStream extends JournalPlace {
  readonly order: Order;
  /** What its workers sent so far, as far as it is known. */
  readonly events: readonly GenerateEvent[];
  /** Whether that is all of it. */
  readonly hasEnded: boolean;
}

/** How long events are collected for one append; what is lost of them is made again. */
const collectMs = 250;
/** How long nothing is sent to a store that did not take something. */
const pauseMs = 1_000;
const appendsMax = 1_024;
/** Text that waits to be written, of all streams, in UTF-16 units. */
const pendingUnitsMax = 64 * 2 ** 20;
const { streamBytesMax } = defaultJournalLimits;

/**
 * The journals of a gateway's streams: writes them, behind the streams' backs, and finds those of others. Streams whose
 * journal does not get room are not written any further; they go on, and what is missing is made again when it is asked for.
 */
export class StreamJournals {
  readonly pendingUnitsMax = pendingUnitsMax;
  /** Appends by what became of them. */
  readonly appends = new Map<JournalAppend, number>();
  /** Streams that clients came back for, by what was found. */
  readonly finds = new Map<'ended' | 'went_on' | 'refused', number>();
  readonly #parts: StreamJournalsParts;
  /** Those with something to send, in the order in which they got it. */
  readonly #pending = new Set<StreamJournal>();
  #pendingUnits = 0;
  #underWay = 0;
  /** One for each command to the store that is under way. */
  readonly #sends = new Set<Promise<void>>();
  #pausedUntilMs = 0;
  #stopTick: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: StreamJournalsParts) {
    this.#parts = parts;
  }

  get pendingUnits(): number {
    return this.#pendingUnits;
  }

  newStreamId(): string {
    return this.#parts.newStreamId();
  }

  /** The journal of a stream that begins. */
  begin(streamId: string, order: Order, onTaken: () => void): StreamJournal {
    return this.#open({ streamId, index: 0, bytes: 0, term: 0 }, order, onTaken);
  }

  /** The journal of a stream that goes on. */
  goOn(past: PastStream, onTaken: () => void): StreamJournal {
    return this.#open(past, undefined, onTaken);
  }

  /**
   * A stream by its id. Unless it has ended, nobody else can write to it from now on.
   * @param client whose stream it must be; another's looks like none.
   * @throws (rejects) ServingError `not_found`, `stream_gone` or `journal_unavailable`.
   */
  async find(id: EventId, client: string): Promise<PastStream> {
    try {
      const past = await this.#find(id, client);
      this.#countFind(past.hasEnded ? 'ended' : 'went_on');
      return past;
    } catch (thrown) {
      this.#countFind('refused');
      throw thrown;
    }
  }

  /**
   * Sends what is pending, without waiting for room or time, and nothing that the store does not take then. Resolves when
   * nothing is under way any more: two answers of the store, at most.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTick?.();
    this.#stopTick = undefined;
    void this.#send([...this.#pending].filter(({ isSending }) => !isSending));
    await Promise.all(this.#sends);
    // What came to a journal while an append of it was under way: its end, often.
    if (this.#maySend) await this.#send([...this.#pending]);
  }

  async #find({ streamId }: EventId, client: string): Promise<PastStream> {
    const begin = await this.#read(streamId, 0);
    const order = readOrder(begin[0] ?? '');
    if (order === undefined) throw goneError(streamId);
    if (order.terms.client !== client) throw unknownError(streamId);
    const ended = pastOf(streamId, order, begin, 0);
    if (ended.hasEnded) return ended;
    const take = await this.#parts.store.take(streamId);
    if (take.kind === 'unknown') throw unknownError(streamId);
    if (take.kind === 'unavailable') throw unavailableError();
    return pastOf(streamId, order, [...begin, ...(await this.#read(streamId, begin.length))], take.term);
  }

  #countFind(outcome: 'ended' | 'went_on' | 'refused'): void {
    this.finds.set(outcome, (this.finds.get(outcome) ?? 0) + 1);
  }

  #open(place: JournalPlace, order: Order | undefined, onTaken: () => void): StreamJournal {
    return new StreamJournal(place, order, {
      bytesMax: streamBytesMax,
      onTaken,
      hold: (units) => {
        if (units > 0 && this.#pendingUnits + units > pendingUnitsMax) return false;
        this.#pendingUnits += units;
        return true;
      },
      onPending: (journal, isUrgent) => {
        this.#pending.add(journal);
        if (isUrgent && this.#maySend && !journal.isSending) void this.#send([journal]);
        else this.#tick();
      },
    });
  }

  #tick(): void {
    if (this.#stopTick !== undefined || this.#isClosed) return;
    this.#stopTick = this.#parts.clock.after(collectMs, () => {
      this.#stopTick = undefined;
      this.#sendAll();
      if (this.#pending.size > 0) this.#tick();
    });
  }

  get #maySend(): boolean {
    return this.#underWay < appendsMax && this.#parts.clock.nowMs() >= this.#pausedUntilMs;
  }

  #sendAll(): void {
    if (!this.#maySend) return;
    const journals: StreamJournal[] = [];
    for (const journal of this.#pending) {
      if (this.#underWay + journals.length >= appendsMax) break;
      if (!journal.isSending) journals.push(journal);
    }
    void this.#send(journals);
  }

  /** Never rejects. */
  async #send(journals: readonly StreamJournal[]): Promise<void> {
    const sending = this.#append(journals);
    this.#sends.add(sending);
    await sending;
    this.#sends.delete(sending);
  }

  /** Together, because a command costs Redis and this process many times what one more stream in it does. */
  async #append(journals: readonly StreamJournal[]): Promise<void> {
    const sent: { readonly journal: StreamJournal; readonly addition: JournalAddition }[] = [];
    for (const journal of journals) {
      this.#pending.delete(journal);
      const addition = journal.next();
      if (addition === undefined) this.#count('ended');
      else sent.push({ journal, addition });
    }
    if (sent.length === 0) return;
    this.#underWay += sent.length;
    const outcomes = await this.#parts.store.appendAll(sent.map(({ addition }) => addition));
    this.#underWay -= sent.length;
    sent.forEach(({ journal, addition }, index) => {
      const outcome = outcomes[index] ?? 'unavailable';
      this.#count(outcome);
      journal.onSent(addition, outcome);
      if (outcome !== 'unavailable') return;
      this.#pausedUntilMs = this.#parts.clock.nowMs() + pauseMs;
      this.#pending.add(journal);
      this.#tick();
    });
  }

  #count(outcome: JournalAppend): void {
    this.appends.set(outcome, (this.appends.get(outcome) ?? 0) + 1);
  }

  /** All entries from an index on. */
  async #read(streamId: string, fromIndex: number): Promise<readonly string[]> {
    const entries: string[] = [];
    for (;;) {
      const read = await this.#parts.store.read(streamId, fromIndex + entries.length);
      switch (read.kind) {
        case 'unknown':
          throw unknownError(streamId);
        case 'trimmed':
          throw goneError(streamId);
        case 'unavailable':
          throw unavailableError();
        case 'found':
          entries.push(...read.entries);
          if (read.entries.length === 0) return entries;
      }
    }
  }
}

function pastOf(streamId: string, order: Order, entries: readonly string[], term: number): PastStream {
  try {
    const events = entries.slice(1).flatMap(readLines);
    const last = events.at(-1);
    const bytes = entries.reduce((sum, entry) => sum + Buffer.byteLength(entry), 0);
    return {
      streamId,
      order,
      events,
      index: entries.length,
      bytes,
      term,
      hasEnded: Boolean(last?.finished || last?.failed),
    };
  } catch {
    throw goneError(streamId);
  }
}

function unknownError(streamId: string): ServingError {
  const problem = `there is no stream ${preview(streamId)}, or not any more; streams are kept for 5 minutes`;
  return new ServingError('not_found', problem, { field: 'last-event-id' });
}

function goneError(streamId: string): ServingError {
  const problem = `the beginning of stream ${preview(streamId)} is not kept any more, so it cannot go on`;
  return new ServingError('stream_gone', problem, { field: 'last-event-id' });
}

function unavailableError(): ServingError {
  return new ServingError('journal_unavailable', 'what streams said is out of reach at the moment; try again shortly');
}
