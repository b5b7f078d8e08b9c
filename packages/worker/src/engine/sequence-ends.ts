import type { ServingError } from '@sluice/shared';
import type { LiveSequence } from './live-sequence.js';
import type { Decision } from './scheduler/policy.js';
import type { EngineFinishReason } from './sequence.js';
import type { SequenceTable } from './sequence-table.js';
import type { StepEvents } from './step-events.js';

/** How sequences end: each gives its slot back, and has one last event that says why. */
export class SequenceEnds {
  readonly #sequences: SequenceTable;
  readonly #events: StepEvents;

  constructor(sequences: SequenceTable, events: StepEvents) {
    this.#sequences = sequences;
    this.#events = events;
  }

  finish(sequence: LiveSequence, reason: EngineFinishReason): void {
    this.#sequences.remove(sequence, true);
    this.#events.add({
      kind: 'finished',
      id: sequence.request.id,
      reason,
      completionTokens: sequence.generated,
      timeliness: sequence.lastTokenMs === undefined ? undefined : sequence.times,
    });
  }

  /** Of all that were cancelled, but for those in passes under way. @returns whether there are such. */
  finishCancelled(): boolean {
    let areLeft = false;
    for (const sequence of this.#sequences.all()) {
      if (!sequence.cancelled) continue;
      if (sequence.isInPass) areLeft = true;
      else this.finish(sequence, 'cancelled');
    }
    return areLeft;
  }

  /** Whatever it computed, nobody may find it in its slot. */
  fail(sequence: LiveSequence, error: ServingError): void {
    this.#sequences.remove(sequence, false);
    this.#events.add({ kind: 'failed', id: sequence.request.id, error });
  }

  /** A pass has failed, and with it all that were in it. */
  failAll({ decodes, chunks }: Decision<LiveSequence>, error: ServingError): void {
    for (const sequence of [...decodes, ...chunks.map((chunk) => chunk.sequence)]) this.fail(sequence, error);
  }

  /** Ends everything at once; memory and slots are left as they are, for the process ends. */
  abandonAll(error: ServingError): void {
    for (const { request } of this.#sequences.takeAll()) this.#events.add({ kind: 'failed', id: request.id, error });
  }
}
