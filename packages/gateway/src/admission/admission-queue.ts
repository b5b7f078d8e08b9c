import { type Clock, ServingError } from '@sluice/shared';
import { type Ahead, FairQueue, type FairQueueLimits, type Waiting } from './fair-queue.js';

/** A request before it has a worker. */
export interface Newcomer extends Waiting {
  readonly model: string;
  /** Gives it to a worker that has room. Called at most once, and not after {@link AdmissionQueue.leave}. Must not throw. */
  start(): void;
  /** It will not be served. Called at most once, instead of `start`. Must not throw. */
  refuse(error: ServingError): void;
}

export interface AdmissionQueueParts {
  readonly clock: Clock;
  /** Whether any worker of a model has room for one more request. */
  hasRoom(model: string): boolean;
  /** Milliseconds in which the workers of a model begin so much, behind what they have. */
  drainMs(model: string, ahead: Ahead): number;
}

const nobody: Ahead = { requests: 0, tokens: 0 };

/** How often it is looked for requests whose deadline has come; milliseconds. */
const SWEEP_MS = 250;

/**
 * Holds what workers could not begin soon anyway, so that who is next is decided when a worker has room, and fairly, and
 * not when requests arrive. A line for each model. Requests leave it by `start`, by `refuse` at their deadline, or because
 * their client left.
 */
export class AdmissionQueue {
  readonly #parts: AdmissionQueueParts;
  readonly #limits: FairQueueLimits;
  readonly #lines = new Map<string, FairQueue<Newcomer>>();
  #stopSweep: (() => void) | undefined;

  /** @param limits of each model's line. */
  constructor(limits: FairQueueLimits, parts: AdmissionQueueParts) {
    this.#limits = limits;
    this.#parts = parts;
  }

  get requests(): number {
    return this.#sum(({ requests }) => requests);
  }

  get tokens(): number {
    return this.#sum(({ tokens }) => tokens);
  }

  /** What is served before a newcomer. */
  ahead({ model, key, class: name }: Pick<Newcomer, 'model' | 'key' | 'class'>): Ahead {
    return this.#lines.get(model)?.ahead(key, name) ?? nobody;
  }

  /**
   * Starts a request at once where a worker has room and nobody waits; else it waits. Where the line is full, the
   * youngest of the caller that takes most of it goes for one of a caller that takes less.
   * @returns why it may not even wait (`queue_full`, with the time in which there will be room); neither `start` nor
   * `refuse` is called for it then.
   */
  enter(newcomer: Newcomer): ServingError | undefined {
    const { model, tokens } = newcomer;
    const line = this.#lines.get(model);
    if (line === undefined && this.#parts.hasRoom(model)) {
      newcomer.start();
      return undefined;
    }
    const waiting = line ?? new FairQueue<Newcomer>(this.#limits);
    if (!waiting.hasRoom(tokens)) {
      const error = this.#fullError(model, waiting, tokens);
      const displaced = waiting.displacedBy(newcomer);
      if (displaced === undefined) return error;
      waiting.remove(displaced);
      displaced.refuse(error);
    }
    waiting.push(newcomer);
    this.#lines.set(model, waiting);
    this.#stopSweep ??= this.#sweepLater();
    return undefined;
  }

  /** Its client is gone. Does nothing when it does not wait. */
  leave(newcomer: Newcomer): void {
    const line = this.#lines.get(newcomer.model);
    if (line?.remove(newcomer) === true) this.#forgetIfEmpty(newcomer.model, line);
  }

  /** Workers may have more room than before: lets in whom they have room for. */
  letIn(): void {
    for (const [model, line] of this.#lines) {
      while (line.requests > 0 && this.#parts.hasRoom(model)) line.shift(this.#parts.clock.nowMs())!.start();
      this.#forgetIfEmpty(model, line);
    }
  }

  /** Refuses all that wait. */
  refuseAll(error: ServingError): void {
    for (const [model, line] of this.#lines) {
      this.#lines.delete(model);
      for (let one = line.shift(0); one !== undefined; one = line.shift(0)) one.refuse(error);
    }
  }

  #sum(read: (line: FairQueue<Newcomer>) => number): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + read(line), 0);
  }

  #forgetIfEmpty(model: string, line: FairQueue<Newcomer>): void {
    if (line.requests === 0 && this.#lines.get(model) === line) this.#lines.delete(model);
  }

  #fullError(model: string, line: FairQueue<Newcomer>, tokens: number): ServingError {
    const { requestsMax, tokensMax } = line.limits;
    const isCount = line.requests >= requestsMax;
    const problem = isCount
      ? `${line.requests} requests wait for model "${model}", at most ${requestsMax} may`
      : `${line.tokens} prompt tokens wait for model "${model}" and this request brings about ${tokens}, at most ${tokensMax} may wait`;
    // By count the next in line has to begin, by tokens as many have to as there is too little room for.
    const meanTokens = line.tokens / Math.max(1, line.requests);
    const requests = isCount ? 1 : Math.min(line.requests, Math.ceil((line.tokens + tokens - tokensMax) / meanTokens));
    const retryAfterMs = this.#parts.drainMs(model, { requests, tokens: requests * meanTokens });
    return new ServingError('queue_full', problem, { retryAfterMs });
  }

  #sweepLater(): () => void {
    return this.#parts.clock.after(SWEEP_MS, () => {
      this.#sweep();
      this.#stopSweep = this.#lines.size === 0 ? undefined : this.#sweepLater();
    });
  }

  #sweep(): void {
    this.letIn();
    for (const [model, line] of this.#lines) {
      for (const one of line.takeExpired(this.#parts.clock.nowMs())) {
        const waitedMs = Math.round(one.deadlineMs - one.arrivalMs);
        const problem = `no worker could begin this request within ${waitedMs} ms`;
        one.refuse(new ServingError('deadline_exceeded', problem, { retryAfterMs: this.#parts.drainMs(model, line) }));
      }
      this.#forgetIfEmpty(model, line);
    }
  }

  close(): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
