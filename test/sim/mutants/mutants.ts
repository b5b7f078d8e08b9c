import type { CheckerName } from '../checkers/checkers.js';

/** A bug that somebody could write, and the checker that must see it. */
export interface Mutant {
  readonly name: string;
  /** Under packages/worker/src/engine. */
  readonly file: string;
  /** There exactly once; a mutant whose text is gone fails its test and has to follow the code. */
  readonly find: string;
  readonly replace: string;
  readonly caughtBy: CheckerName;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'slot-leak',
    file: 'engine.ts',
    find: 'this.#slots.free(slotOf(sequence));',
    replace: '',
    caughtBy: 'slot-conservation',
  },
  {
    name: 'block-leak',
    file: 'engine.ts',
    find: 'this.#ledger.free(sequence.blocks);',
    replace: 'this.#ledger.free(Math.max(0, sequence.blocks - 1));',
    caughtBy: 'block-conservation',
  },
  {
    name: 'growth-not-booked',
    file: 'engine.ts',
    find: 'sequence.blocks += missing;',
    replace: '',
    caughtBy: 'block-conservation',
  },
  {
    name: 'preempted-keeps-its-place',
    file: 'engine.ts',
    find: 'sequence.computed = 0;',
    replace: '',
    caughtBy: 'model-contract',
  },
  {
    name: 'preempted-to-the-back',
    file: 'engine.ts',
    find: 'this.#waiting.unshift(...decision.preempted);',
    replace: 'this.#waiting.push(...decision.preempted);',
    caughtBy: 'preempted-first',
  },
  {
    name: 'replay-by-sampling',
    file: 'engine.ts',
    find: 'want: sequence.computed + 1 === sequence.tokens ? sequence.want : undefined,',
    replace: 'want: sequence.want,',
    caughtBy: 'oracle-text',
  },
  {
    name: 'chunk-one-token-late',
    file: 'engine.ts',
    find: 'tokenIds: sequence.tokenIds.slice(sequence.computed, end),',
    replace: 'tokenIds: sequence.tokenIds.slice(sequence.computed + 1, end + 1),',
    caughtBy: 'oracle-text',
  },
  {
    name: 'resting-slot-at-zero',
    file: 'engine.ts',
    find: '.map((sequence) => ({ slot: slotOf(sequence), position: sequence.computed }));',
    replace: '.map((sequence) => ({ slot: slotOf(sequence), position: 0 }));',
    caughtBy: 'model-contract',
  },
  {
    name: 'end-before-last-token',
    file: 'engine.ts',
    find: 'reason, completionTokens: sequence.generated,',
    replace: 'reason, completionTokens: sequence.generated + 1,',
    caughtBy: 'stream-order',
  },
];
