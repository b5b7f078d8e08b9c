import type { GatewayMessage, WorkerMessage } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import type { SystemEntry } from './system-history.js';

/** Reads along at the gateway's end of its streams to one worker, and tells what was said of which request. */
export class StreamTap {
  readonly #gateway: number;
  readonly #worker: number;
  readonly #record: (entry: SystemEntry) => void;
  /** By the id on the wire. */
  readonly #live = new Map<number, string>();
  #isOpen = false;
  #frame = 0;

  constructor(gateway: number, worker: number, record: (entry: SystemEntry) => void) {
    this.#gateway = gateway;
    this.#worker = worker;
    this.#record = record;
  }

  get isAttached(): boolean {
    return this.#isOpen;
  }

  toWorker({ submit, cancel }: GatewayMessage): void {
    const at = { gateway: this.#gateway, worker: this.#worker };
    if (submit) {
      const id = submit.request?.requestId ?? '';
      this.#live.set(submit.id, id);
      this.#record({ kind: 'submit', id, ...at, generatedIds: [...(submit.request?.generatedTokenIds ?? [])] });
    }
    if (cancel) {
      const id = this.#live.get(cancel.id) ?? '';
      this.#live.delete(cancel.id);
      this.#record({ kind: 'cancel', id, ...at });
    }
  }

  toGateway({ welcome, frame }: WorkerMessage): void {
    if (welcome) {
      this.#isOpen = true;
      this.#frame = 0;
      this.#record({ kind: 'attached', gateway: this.#gateway, worker: this.#worker });
    }
    // One that does not follow its predecessor says nothing that can be used.
    if (frame?.frame !== this.#frame + 1) return;
    this.#frame = frame.frame;
    for (const { id: wireId, event } of frame.deltas) {
      const id = this.#live.get(wireId);
      if (id === undefined || event === null) continue;
      if (event.tokenIds.length > 0) {
        this.#record({
          kind: 'tokens',
          id,
          gateway: this.#gateway,
          worker: this.#worker,
          tokenIds: [...event.tokenIds],
        });
      }
      if (!event.finished && !event.failed) continue;
      this.#live.delete(wireId);
      const how = event.failed?.code ?? 'finished';
      this.#record({ kind: 'released', id, gateway: this.#gateway, worker: this.#worker, how });
    }
  }

  /** By the worker or the network. */
  ended(cause: unknown): void {
    this.#detach(!(cause instanceof ServingError && cause.code === 'draining'));
  }

  /** By the gateway. */
  closed(): void {
    this.#detach(true);
  }

  #detach(isDeath: boolean): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    const ids = [...this.#live.values()];
    this.#live.clear();
    if (wasOpen) this.#record({ kind: 'detached', gateway: this.#gateway, worker: this.#worker, ids, isDeath });
  }
}
