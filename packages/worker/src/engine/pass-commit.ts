import { BrokenAssertion, type Logger, ServingError } from '@sluice/shared';
import type { SlotMemory } from './kv/slot-memory.js';
import type { LiveSequence } from './live-sequence.js';
import type { ModelPort } from './model-port.js';
import { hiddenOf, tellPrompt } from './prompt-report.js';
import type { Decision } from './scheduler/policy.js';
import type { SequenceEnds } from './sequence-ends.js';
import type { Speculation } from './speculation/speculation.js';
import type { StepEvents } from './step-events.js';
import type { DecodeRow, LogitsRow, StepOutput, StepPlan } from './step-plan.js';
import { takeToken } from './take-token.js';

export interface PassCommitParts {
  readonly model: Pick<ModelPort, 'turnBack'>;
  readonly memory: SlotMemory;
  readonly speculation: Speculation;
  readonly events: StepEvents;
  readonly ends: SequenceEnds;
  readonly log: Logger;
}

/** A pass that is done. */
export interface DonePass {
  readonly plan: StepPlan;
  /** That the plan was made of. */
  readonly decision: Decision<LiveSequence>;
  readonly output: StepOutput;
  readonly endMs: number;
}

/** Makes what a pass computed part of its sequences. What goes wrong with one of them ends that one. */
export class PassCommit {
  readonly #parts: PassCommitParts;
  /** Had their last token in the pass that is being committed. */
  #ended: LiveSequence[] = [];

  constructor(parts: PassCommitParts) {
    this.#parts = parts;
  }

  /** Takes each wanted row's token. The order of rows is the order of the plan. @returns those that had their last. */
  commit({ plan, decision, output, endMs }: DonePass): readonly LiveSequence[] {
    this.#ended = [];
    let row = 0;
    for (const [index, sequence] of decision.decodes.entries()) {
      const decode = plan.decodes[index]!;
      this.#takeWhileRight(sequence, decode, output.rows.slice(row, row + decode.wantTokens), endMs);
      row += decode.wantTokens;
    }
    for (const [index, { sequence, tokens }] of decision.chunks.entries()) {
      sequence.computed += tokens;
      this.#parts.memory.wrote(sequence);
      const { wantTokens } = plan.chunks[index]!;
      const rows = output.rows.slice(row, row + wantTokens);
      row += wantTokens;
      if (!this.#tell(sequence, tokens, rows, () => hiddenOf(plan, index, output))) continue;
      if (sequence.computed === sequence.tokens) this.#take(sequence, rows.at(-1)!, endMs);
    }
    return this.#ended;
  }

  /**
   * The row of the last known token, and then that of each draft that was right: what it gives is what it would give in a
   * pass of its own. What the others wrote lies behind what is computed, and nobody reads it.
   */
  #takeWhileRight(sequence: LiveSequence, { tokenIds }: DecodeRow, rows: readonly LogitsRow[], nowMs: number): void {
    const drafts = Math.max(0, rows.length - 1);
    const known = tokenIds.length - drafts;
    const { tokens } = sequence;
    sequence.computed += known;
    let right = 0;
    for (const row of rows) {
      this.#take(sequence, row, nowMs);
      // It ended, or failed, or was cancelled.
      if (sequence.tokens !== tokens + right + 1 || sequence.slot === undefined) break;
      if (right === drafts || sequence.tokenIds.at(-1) !== tokenIds[known + right]) break;
      right += 1;
      sequence.computed += 1;
    }
    this.#parts.speculation.observe(sequence, drafts, right, sequence.tokenIds.slice(tokens));
  }

  #take(sequence: LiveSequence, row: LogitsRow, nowMs: number): void {
    if (sequence.cancelled) return;
    const event = this.#alone(sequence, () => takeToken(sequence, row, nowMs));
    if (event === undefined) return;
    this.#parts.events.add(event);
    const { stopTokenIds, guide } = sequence.request;
    const isStop = stopTokenIds.has(event.tokenId) || guide?.isComplete === true;
    if (isStop || sequence.tokens >= sequence.tokensMax) this.#end(sequence, isStop ? 'stop' : 'length');
  }

  /** What a slice of a prompt tells of it. False: it was all that there was to do, or it has failed. */
  #tell(sequence: LiveSequence, tokens: number, rows: LogitsRow[], hidden: () => Float32Array | undefined): boolean {
    const { promptReport, computed, endsWithPrompt } = sequence;
    if (sequence.cancelled || (promptReport === undefined && !endsWithPrompt)) return true;
    const slice = { start: computed - tokens, end: computed, rows, hidden: hidden() };
    const told = this.#alone(sequence, () => ({ event: tellPrompt(sequence, slice, this.#parts.model) }));
    if (told === undefined) return false;
    if (told.event !== undefined) this.#parts.events.add(told.event);
    if (!endsWithPrompt || computed < sequence.promptTokens) return true;
    this.#end(sequence, 'length');
    return false;
  }

  #end(sequence: LiveSequence, reason: 'stop' | 'length'): void {
    this.#parts.ends.finish(sequence, reason);
    this.#ended.push(sequence);
  }

  /** Undefined: the sequence has failed, alone. */
  #alone<Result>(sequence: LiveSequence, read: () => Result): Result | undefined {
    try {
      return read();
    } catch (failure) {
      if (failure instanceof BrokenAssertion) throw failure;
      const { id } = sequence.request;
      this.#parts.log.error({ err: failure, sequence: id, tokens: sequence.tokens }, 'a row could not be sampled');
      this.#parts.ends.fail(sequence, asEngineFailure(failure));
      return undefined;
    }
  }
}

function asEngineFailure(failure: unknown): ServingError {
  if (failure instanceof ServingError) return failure;
  return new ServingError('engine_failed', 'a token could not be sampled; the failure is in the log of the worker', {
    cause: failure,
  });
}
