import type { Clock } from '@sluice/shared';
import {
  defaultResponseLimits,
  type ResponseLimits,
  type ResponsePut,
  type ResponseRead,
  type ResponseRemove,
  type ResponseStore,
  type ResponseUsage,
} from './response-store.js';

interface Kept {
  readonly owner: string;
  readonly text: string;
  readonly bytes: number;
  readonly expiresMs: number;
}

export class MemoryResponseStore implements ResponseStore {
  readonly #clock: Clock;
  readonly #limits: ResponseLimits;
  /** In the order in which they came, which is that of their expiry. */
  readonly #responses = new Map<string, Kept>();
  #bytes = 0;

  constructor(clock: Clock, limits: Partial<ResponseLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...defaultResponseLimits, ...limits };
  }

  async put(id: string, owner: string, text: string): Promise<ResponsePut> {
    const { responseBytesMax, bytesMax, countMax, expireMs } = this.#limits;
    const bytes = Buffer.byteLength(text);
    if (bytes > responseBytesMax) return 'too_large';
    this.#forget(id);
    this.#responses.set(id, { owner, text, bytes, expiresMs: this.#clock.wallMs() + expireMs });
    this.#bytes += bytes;
    for (const [oldest, { expiresMs }] of this.#responses) {
      const isRoom = this.#bytes <= bytesMax && this.#responses.size <= countMax;
      if (isRoom && expiresMs > this.#clock.wallMs()) break;
      this.#forget(oldest);
    }
    return 'kept';
  }

  async read(id: string, owner: string): Promise<ResponseRead> {
    const kept = this.#find(id, owner);
    return kept === undefined ? { kind: 'unknown' } : { kind: 'found', text: kept.text };
  }

  async remove(id: string, owner: string): Promise<ResponseRemove> {
    if (this.#find(id, owner) === undefined) return 'unknown';
    this.#forget(id);
    return 'removed';
  }

  async usage(): Promise<ResponseUsage> {
    return { count: this.#responses.size, bytes: this.#bytes };
  }

  #find(id: string, owner: string): Kept | undefined {
    const kept = this.#responses.get(id);
    return kept?.owner === owner && kept.expiresMs > this.#clock.wallMs() ? kept : undefined;
  }

  #forget(id: string): void {
    this.#bytes -= this.#responses.get(id)?.bytes ?? 0;
    this.#responses.delete(id);
  }
}
