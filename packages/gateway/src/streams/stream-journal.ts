import type { GenerateEvent } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import type { JournalAddition, JournalAppend } from '@sluice/store';
import { writeFailure, writeLine } from './event-line.js';
import { type Order, writeOrder } from './order.js';

/** Where a journal goes on: at its beginning, or behind what another gateway wrote. */
export interface JournalPlace {
  readonly streamId: string;
  /** Index of the next entry. */
  readonly index: number;
  /** Of all entries before it. */
  readonly bytes: number;
  /** See JournalStore.take. */
  readonly term: number;
}

export interface StreamJournalParts {
  /** Called when there is something to send where there was nothing, or it is not to wait for more. */
  readonly onPending: (journal: StreamJournal, isUrgent: boolean) => void;
  /** Room for so much more text, in UTF-16 units, of all journals; negative: so much less is held. */
  readonly hold: (units: number) => boolean;
  /** Another connection goes on with the stream. */
  readonly onTaken: () => void;
  readonly bytesMax: number;
}

/**
 * One stream as it is written down: first the order, then what its worker sent, a few events an entry. Nothing waits for
 * it. What is there is always a beginning of the stream without a gap, and the rest can be made again from it; so a
 * journal may lag behind what was delivered, and may stop for good when it is full or out of reach.
 */
export class StreamJournal {
  readonly streamId: string;
  readonly #parts: StreamJournalParts;
  readonly #term: number;
  #order: Order | undefined;
  #index: number;
  #bytes: number;
  /** What came since the last entry was closed. */
  #lines = '';
  /** Closed entries, in order: one is written under the same index again and again, so it must not change. */
  #entries: string[] = [];
  #isDue = false;
  #isSending = false;
  #isOpen = true;

  /** @param order undefined: it is written already. */
  constructor({ streamId, index, bytes, term }: JournalPlace, order: Order | undefined, parts: StreamJournalParts) {
    this.streamId = streamId;
    this.#parts = parts;
    this.#order = order;
    this.#index = index;
    this.#bytes = bytes;
    this.#term = term;
  }

  /** Whether an append is under way. */
  get isSending(): boolean {
    return this.#isSending;
  }

  /**
   * The order goes to a worker. It is written at once, so that it is there before the first event is: a client that has
   * an id finds its stream.
   */
  begin(): void {
    if (this.#order === undefined) return;
    this.#isDue = true;
    this.#writeOrder();
    if (this.#isOpen) this.#parts.onPending(this, true);
  }

  /** Whether it is written down, or was when its gateway still had room. */
  get hasBegun(): boolean {
    return this.#order === undefined;
  }

  /** Called for every event of the stream, which counts once it has begun: a token costs a string. */
  add(event: GenerateEvent): void {
    this.#add(writeLine(event), event.finished ? 'at once' : event.tokenIds.length > 0 ? 'soon' : 'later');
  }

  /** The answer failed, and no other gateway can help it. */
  fail(error: ServingError): void {
    this.#add(writeFailure(error), 'at once');
  }

  /** What is pending, to be sent; only while nothing is under way. Undefined where nothing is to be written any more. */
  next(): JournalAddition | undefined {
    this.#isDue = false;
    this.#close();
    if (!this.#isOpen) return undefined;
    this.#isSending = true;
    return { streamId: this.streamId, fromIndex: this.#index, entries: [...this.#entries], term: this.#term };
  }

  /** What became of it. */
  onSent({ entries }: JournalAddition, outcome: JournalAppend): void {
    this.#isSending = false;
    if (outcome === 'taken') this.#parts.onTaken();
    if (!this.#isOpen) return;
    if (outcome === 'written') {
      this.#index += entries.length;
      this.#entries = this.#entries.slice(entries.length);
      for (const entry of entries) this.#parts.hold(-entry.length);
    } else if (outcome !== 'unavailable') {
      this.#stop();
    }
  }

  #add(line: string, due: 'at once' | 'soon' | 'later'): void {
    if (!this.#isOpen || this.#order !== undefined) return;
    if (!this.#parts.hold(line.length)) {
      this.#stop();
      return;
    }
    this.#lines += line;
    if (due === 'later' || (this.#isDue && due === 'soon')) return;
    this.#isDue = true;
    this.#parts.onPending(this, due === 'at once');
  }

  #writeOrder(): void {
    if (this.#order === undefined) return;
    const entry = writeOrder(this.#order);
    this.#order = undefined;
    this.#bytes += Buffer.byteLength(entry);
    if (this.#bytes > this.#parts.bytesMax || !this.#parts.hold(entry.length)) this.#stop();
    else this.#entries.push(entry);
  }

  /** The lines so far are an entry from now on. */
  #close(): void {
    if (this.#lines === '') return;
    this.#bytes += Buffer.byteLength(this.#lines);
    this.#entries.push(this.#lines);
    this.#lines = '';
    // The store would let the oldest entries go, without which the others are worth nothing.
    if (this.#bytes > this.#parts.bytesMax) this.#stop();
  }

  /** What is written stays. */
  #stop(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#parts.hold(-this.#lines.length - this.#entries.reduce((units, entry) => units + entry.length, 0));
    this.#lines = '';
    this.#entries = [];
  }
}
