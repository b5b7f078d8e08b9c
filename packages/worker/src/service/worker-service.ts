import type { ModelInfoInit, WelcomeInit } from '@sluice/proto';
import type { Clock, Logger, ServingError } from '@sluice/shared';
import type { EnginePort, StepListener } from '../engine/engine-port.js';
import { type AttachCall, AttachStream } from './attach-stream.js';
import type { ServiceLimits } from './limits.js';
import { LiveRequests } from './live-requests.js';
import { loadMessage } from './messages.js';
import type { TextPort } from './text-port.js';

export interface WorkerServiceParts {
  readonly engine: EnginePort;
  readonly text: TextPort;
  readonly info: ModelInfoInit;
  readonly epoch: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits: ServiceLimits;
}

/** One engine and the gateways that are attached to it, whatever carries their streams. */
export class WorkerService {
  readonly requests: LiveRequests;
  readonly #parts: WorkerServiceParts;
  readonly #streams = new Set<AttachStream>();
  #drained: Promise<void> | undefined;

  constructor(parts: WorkerServiceParts) {
    this.#parts = parts;
    this.requests = new LiveRequests(parts.engine, parts.text, parts.log);
  }

  /** Streams that have not ended. */
  get streams(): number {
    return this.#streams.size;
  }

  readonly onStep: StepListener = (events) => this.requests.onStep(events);

  /** A gateway opens its stream. */
  attach(call: AttachCall): void {
    const { engine, limits, clock, log } = this.#parts;
    const onClose = (stream: AttachStream) => this.#streams.delete(stream);
    const welcome = () => this.#welcome();
    this.#streams.add(
      new AttachStream(call, { engine, requests: this.requests, limits, clock, log, welcome, onClose }),
    );
  }

  /** See {@link WorkerServer.drain}. */
  async drain(handOverMs?: number): Promise<void> {
    if (this.#drained === undefined) {
      this.#drained = this.#parts.engine.drain();
      for (const stream of this.#streams) stream.sendLoad();
    }
    const stopTimer =
      handOverMs === undefined ? undefined : this.#parts.clock.after(handOverMs, () => this.requests.handOver());
    await this.#drained;
    stopTimer?.();
  }

  /** Ends every stream with this error, and cancels what came over it. */
  endStreams(error: ServingError): void {
    for (const stream of this.#streams) stream.end(error);
  }

  #welcome(): WelcomeInit {
    const { epoch, info, engine, limits } = this.#parts;
    const { framesUnacknowledgedMax } = limits;
    return { epoch, model: info, load: loadMessage(engine.load()), framesUnacknowledgedMax };
  }
}
