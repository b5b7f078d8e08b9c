import type { MetricPart, RunningGateway, SiblingMetrics, Siblings, WorkerChange } from '@sluice/gateway';
import type { Clock } from '@sluice/shared';
import { type LimitAnswer, type LimitClaim, type LimitStore, memoryStore } from '@sluice/store';
import { asParentMessage, type ProcessMessage } from './process-messages.js';

export interface ParentSiblingsParts {
  /** To the parent; what cannot be sent is lost. Resolves when it is on its way, and never rejects. */
  readonly send: (message: ProcessMessage) => Promise<void>;
  readonly clock: Clock;
  /** How many there are. */
  readonly others: number;
}

/** Milliseconds for the parent to collect what others say; it gives up on them sooner. */
const collectWaitMs = 1_500;
/** Milliseconds for a reservation, as for one in Redis. */
const reserveWaitMs = 250;
/** Questions under way; what is more is answered as if the parent were silent. */
const questionsMax = 4_096;

/** The other processes of this gateway, reached through the parent that all of them have. */
export class ParentSiblings implements Siblings {
  readonly #parts: ParentSiblingsParts;
  readonly #questions = new Map<number, (answer: unknown) => void>();
  /** Stands in while the parent does not answer. */
  readonly #ownLimits: LimitStore;
  #nextId = 1;
  readonly limits: LimitStore;

  constructor(parts: ParentSiblingsParts) {
    this.#parts = parts;
    this.#ownLimits = memoryStore(parts.clock).limits;
    this.limits = {
      reserve: (claims) => this.#reserve(claims),
      settle: (settlements) => parts.send({ type: 'settle', settlements }),
    };
  }

  async metrics(): Promise<SiblingMetrics> {
    const answer = await this.#ask((id) => ({ type: 'ask', id, what: 'metrics' }), collectWaitMs);
    return (answer as SiblingMetrics | undefined) ?? { parts: [], counted: 0, silent: this.#parts.others };
  }

  async areReady(): Promise<boolean> {
    const answer = await this.#ask((id) => ({ type: 'ask', id, what: 'readiness' }), collectWaitMs);
    return answer !== false;
  }

  tellWorkers(change: WorkerChange): void {
    void this.#parts.send({ type: 'worker change', change });
  }

  /** To be called when the gateway is closed: its counts stay in those of the whole. Never rejects. */
  async sayLastWords(gateway: Pick<RunningGateway, 'metrics'>): Promise<void> {
    const part = await gateway.metrics().catch(() => []);
    await this.#parts.send({ type: 'last words', part });
  }

  /** To be called with all that comes from the parent. */
  hear(raw: unknown, gateway: Pick<RunningGateway, 'metrics' | 'isReady' | 'changeWorkers'>): void {
    const message = asParentMessage(raw);
    switch (message?.type) {
      case 'question': {
        const say = (reply: MetricPart | boolean): Promise<void> =>
          this.#parts.send({ type: 'reply', id: message.id, reply });
        if (message.what === 'readiness') void say(gateway.isReady);
        else gateway.metrics().then(say, () => {});
        break;
      }
      case 'worker change':
        gateway.changeWorkers(message.change);
        break;
      case 'answer':
      case 'reserved':
        this.#questions.get(message.id)?.(message.answer);
        break;
      case undefined:
    }
  }

  async #reserve(claims: readonly LimitClaim[]): Promise<LimitAnswer> {
    const answer = await this.#ask((id) => ({ type: 'reserve', id, claims }), reserveWaitMs);
    if (answer !== undefined) return answer as LimitAnswer;
    return { ...(await this.#ownLimits.reserve(claims)), isLocal: true };
  }

  /** Undefined when no answer came in time. */
  #ask(question: (id: number) => ProcessMessage, waitMs: number): Promise<unknown> {
    if (this.#questions.size >= questionsMax) return Promise.resolve(undefined);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const end = (answer: unknown): void => {
        this.#questions.delete(id);
        stopTimer();
        resolve(answer);
      };
      const stopTimer = this.#parts.clock.after(waitMs, () => end(undefined));
      this.#questions.set(id, end);
      void this.#parts.send(question(id));
    });
  }
}
