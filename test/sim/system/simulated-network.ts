import { EventEmitter } from 'node:events';
import type { WorkerMessage, WorkerMessageInit } from '@sluice/proto';
import { type GatewayMessage, type GatewayMessageInit, statusToError, workerServiceDefinition } from '@sluice/proto';
import { isErrorCode, type Rng, ServingError } from '@sluice/shared';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import type {
  WorkerDialer,
  WorkerStream,
  WorkerStreamListener,
} from '../../../packages/gateway/src/workers/worker-stream.js';
import type { AttachCall } from '../../../packages/worker/src/service/attach-stream.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { StreamTap } from './stream-tap.js';

const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = workerServiceDefinition.Attach;

/** Messages that a transport takes before it says that its reader is behind. */
const WINDOW = 16;
/** After so long without a word the worker's transport takes the gateway for gone: its keepalive and what that waits. */
const KEEPALIVE_MS = 15_000;

/** Who answers at an address; undefined while nobody does. */
export interface Host {
  readonly process: SimulatedProcess;
  /** Requests that it has been sent and has neither ended nor been told to stop. */
  readonly wanted: Set<string>;
  attach(call: AttachCall): void;
}

export interface LinkParts {
  readonly clock: SimulatedClock;
  readonly rng: Rng;
  readonly latencyMs: number;
  readonly gateway: SimulatedProcess;
  readonly host: () => Host | undefined;
  readonly tap: StreamTap;
}

type Direction = 'toWorker' | 'toGateway';

/**
 * The way between one gateway and one worker. What is sent comes in its order, late as the link is slow, and not at all
 * while the link is silent: then it waits, as what TCP sends again, and nobody hears that anything is wrong.
 */
export class Link {
  readonly parts: LinkParts;
  readonly #streams = new Set<SimulatedStream>();
  readonly #lastMs: Record<Direction, number> = { toWorker: 0, toGateway: 0 };
  #held: (() => void)[] = [];
  #isSilent = false;
  /** The next frame with deltas is lost, or followed by a message that is none. */
  damagesNext: 'swallow-frame' | 'garble-frame' | undefined;

  constructor(parts: LinkParts) {
    this.parts = parts;
  }

  readonly dialer: WorkerDialer = {
    open: (listener) => {
      const stream = new SimulatedStream(this, listener);
      this.#streams.add(stream);
      return stream;
    },
    close: () => {},
  };

  get isSilent(): boolean {
    return this.#isSilent;
  }

  silence(): void {
    this.#isSilent = true;
    const { clock } = this.parts;
    const silencedMs = clock.nowMs();
    clock.after(KEEPALIVE_MS, () => {
      if (this.#isSilent && clock.nowMs() - silencedMs >= KEEPALIVE_MS)
        for (const one of this.#streams) one.loseGateway();
    });
  }

  heal(): void {
    this.#isSilent = false;
    for (const arrive of this.#held.splice(0)) arrive();
  }

  /** Both ends hear of it. */
  cut(): void {
    for (const stream of this.#streams) {
      stream.reset(new Error('14 UNAVAILABLE: read ECONNRESET'));
      stream.loseGateway();
    }
  }

  /** The worker's process is gone; its machine tells, where it is still there. */
  workerDied(isTold: boolean): void {
    for (const stream of this.#streams) {
      // One that is still on its way finds whoever is there when it comes.
      if (!stream.hasArrived) continue;
      stream.forgetWorker();
      if (isTold) stream.reset(new Error('14 UNAVAILABLE: read ECONNRESET'));
    }
  }

  gatewayDied(): void {
    for (const stream of this.#streams) stream.loseGateway();
  }

  forget(stream: SimulatedStream): void {
    this.#streams.delete(stream);
  }

  send(direction: Direction, arrive: () => void): void {
    const { clock, rng, latencyMs } = this.parts;
    const atMs = Math.max(this.#lastMs[direction], clock.nowMs() + latencyMs * (0.5 + rng.next()));
    this.#lastMs[direction] = atMs;
    clock.after(atMs - clock.nowMs(), () => {
      if (this.#isSilent) this.#held.push(arrive);
      else arrive();
    });
  }
}

/** The gateway's end of one Attach stream; the worker's is {@link SimulatedCall}. */
class SimulatedStream implements WorkerStream {
  readonly #link: Link;
  readonly #listener: WorkerStreamListener;
  #call: SimulatedCall | undefined;
  #isOpen = true;
  #unread = 0;

  constructor(link: Link, listener: WorkerStreamListener) {
    this.#link = link;
    this.#listener = listener;
    link.send('toWorker', () => this.#arrive());
  }

  get unsentCount(): number {
    return Math.max(0, this.#unread - WINDOW);
  }

  send(message: GatewayMessageInit): void {
    if (!this.#isOpen) return;
    const bytes = requestSerialize(message);
    this.#link.parts.tap.toWorker(requestDeserialize(bytes));
    this.#unread += 1;
    this.#link.send('toWorker', () => {
      this.#atWorker((call) => {
        this.#unread -= 1;
        const arrived = requestDeserialize(bytes);
        call.want(arrived);
        call.emit('data', arrived);
      });
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#link.parts.tap.closed();
    this.loseGateway();
  }

  /** The worker hears that nobody is there any more. */
  loseGateway(): void {
    this.#link.send('toWorker', () => {
      this.#atWorker((call) => call.cancel());
      this.#link.forget(this);
    });
  }

  get hasArrived(): boolean {
    return this.#call !== undefined;
  }

  forgetWorker(): void {
    this.#call = undefined;
  }

  /** The gateway hears how the stream ended. */
  reset(cause: unknown): void {
    this.#toGateway(() => {
      this.#isOpen = false;
      this.#link.parts.tap.ended(cause);
      this.#listener.onEnd(cause);
    });
  }

  /** From the worker. @param taken called when the gateway has read it. */
  receive(bytes: Buffer, taken: () => void): void {
    this.#link.send('toGateway', () => {
      taken();
      const message = responseDeserialize(bytes);
      const damage = (message.frame?.deltas.length ?? 0) > 0 ? this.#link.damagesNext : undefined;
      if (damage !== undefined) this.#link.damagesNext = undefined;
      if (damage !== 'swallow-frame') this.#deliver(message);
      if (damage === 'garble-frame') this.#deliver(responseDeserialize(responseSerialize({})));
    });
  }

  #deliver(message: WorkerMessage): void {
    this.#link.parts.gateway.run(() => {
      if (!this.#isOpen) return;
      this.#link.parts.tap.toGateway(message);
      this.#listener.onMessage(message);
    });
  }

  #toGateway(arrive: () => void): void {
    this.#link.send('toGateway', () =>
      this.#link.parts.gateway.run(() => {
        if (this.#isOpen) arrive();
      }),
    );
  }

  #arrive(): void {
    const host = this.#link.parts.host();
    if (host === undefined) {
      this.reset(new Error('14 UNAVAILABLE: connect ECONNREFUSED'));
      return;
    }
    const call = new SimulatedCall(this, host);
    this.#call = call;
    host.process.run(() => host.attach(call as unknown as AttachCall));
  }

  #atWorker(act: (call: SimulatedCall) => void): void {
    const call = this.#call;
    if (call === undefined) return;
    call.process.run(() => {
      if (this.#call === call && !call.isOver) act(call);
    });
  }
}

let calls = 0;

/** As much of grpc-js' server call as an Attach stream uses. */
class SimulatedCall extends EventEmitter {
  readonly process: SimulatedProcess;
  readonly #stream: SimulatedStream;
  readonly #number = calls++;
  readonly #wanted: Set<string>;
  #untaken = 0;
  isOver = false;

  constructor(stream: SimulatedStream, { process, wanted }: Host) {
    super();
    this.#stream = stream;
    this.process = process;
    this.#wanted = wanted;
    this.on('error', (status: { readonly code: number; readonly details: string }) => {
      if (!this.isOver) stream.reset(asDialled(status));
      this.#leave();
    });
  }

  get writableNeedDrain(): boolean {
    return this.#untaken >= WINDOW;
  }

  getPeer(): string {
    return 'simulated';
  }

  write(message: WorkerMessageInit): void {
    if (this.isOver) return;
    for (const { id, event } of message.frame?.deltas ?? []) {
      if (event?.finished || event?.failed) this.#wanted.delete(`${this.#number}:${id}`);
    }
    this.#untaken += 1;
    this.#stream.receive(responseSerialize(message), () =>
      this.process.run(() => {
        this.#untaken -= 1;
        if (this.#untaken === WINDOW / 2 && !this.isOver) this.emit('drain');
      }),
    );
  }

  end(): void {
    if (!this.isOver) this.#stream.reset(undefined);
    this.#leave();
  }

  cancel(): void {
    this.#leave();
    this.emit('cancelled');
  }

  /** What the worker is told now. */
  want({ submit, cancel }: GatewayMessage): void {
    if (submit) this.#wanted.add(`${this.#number}:${submit.id}`);
    if (cancel) this.#wanted.delete(`${this.#number}:${cancel.id}`);
  }

  /** Nobody hears of its requests any more. */
  #leave(): void {
    this.isOver = true;
    for (const key of this.#wanted) if (key.startsWith(`${this.#number}:`)) this.#wanted.delete(key);
  }
}

/** What the gateway's dialer makes of the status of a call (grpc-worker-dialer.ts). */
function asDialled(status: object): unknown {
  const told = statusToError(status as Parameters<typeof statusToError>[0]);
  return told !== undefined && isErrorCode(told.code) ? new ServingError(told.code, told.message) : status;
}

export type { GatewayMessage };
