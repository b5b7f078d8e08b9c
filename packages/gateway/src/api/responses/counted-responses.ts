import type { Clock, Logger } from '@sluice/shared';
import type { ResponsePut, ResponseRead, ResponseRemove, ResponseStore, ResponseUsage } from '@sluice/store';

/** Milliseconds from one line of the log to the next. */
const lineMs = 10_000;

/**
 * A store of which is known what became of the responses that were to be kept. Nobody waits for that and callers are not
 * told, so operators are: each is counted, and of those that are not there later the log has a line, once in a while.
 */
export class CountedResponses implements ResponseStore {
  /** Responses that were to be kept, by what became of them. */
  readonly puts = new Map<ResponsePut, number>();
  readonly #store: ResponseStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Since the last line. */
  readonly #lost = new Map<ResponsePut, number>();
  #lineMs = Number.NEGATIVE_INFINITY;

  constructor(store: ResponseStore, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  async put(id: string, owner: string, text: string): Promise<ResponsePut> {
    const put = await this.#store.put(id, owner, text);
    count(this.puts, put);
    if (put !== 'kept') this.#lose(put);
    return put;
  }

  read(id: string, owner: string): Promise<ResponseRead> {
    return this.#store.read(id, owner);
  }

  remove(id: string, owner: string): Promise<ResponseRemove> {
    return this.#store.remove(id, owner);
  }

  usage(): Promise<ResponseUsage | undefined> {
    return this.#store.usage();
  }

  #lose(put: ResponsePut): void {
    count(this.#lost, put);
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#lineMs < lineMs) return;
    this.#lineMs = nowMs;
    this.#log.warn(Object.fromEntries(this.#lost), 'responses were not kept; who asks for them will not find them');
    this.#lost.clear();
  }
}

function count(counts: Map<ResponsePut, number>, put: ResponsePut): void {
  counts.set(put, (counts.get(put) ?? 0) + 1);
}
