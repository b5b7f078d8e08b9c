import { BrokenAssertion } from '@sluice/shared';
import type { EngineParts } from './engine-parts.js';
import type { SequenceEvent } from './sequence.js';
import type { StepRecord } from './step-record.js';

/** What steps did, until those hear of it who are to. What they make of it is no reason to stop. */
export class StepEvents {
  readonly #parts: Pick<EngineParts, 'listener' | 'onStep' | 'log'>;
  #events: SequenceEvent[] = [];

  constructor(parts: Pick<EngineParts, 'listener' | 'onStep' | 'log'>) {
    this.#parts = parts;
  }

  add(event: SequenceEvent): void {
    this.#events.push(event);
  }

  /**
   * Tells the listener what there is to tell.
   * @param isLast the engine has given up: then not even a broken assertion of the listener's is thrown.
   */
  deliver(isLast = false): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#contained('a step listener', () => this.#parts.listener(events), isLast);
  }

  report(step: StepRecord): void {
    const { onStep } = this.#parts;
    if (onStep !== undefined) this.#contained('a step callback', () => onStep(step), false);
  }

  #contained(who: string, call: () => void, isLast: boolean): void {
    try {
      call();
    } catch (failure) {
      if (failure instanceof BrokenAssertion && !isLast) throw failure;
      this.#parts.log.error({ err: failure }, `${who} threw`);
    }
  }
}
