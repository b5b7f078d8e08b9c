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
    caughtBy: 'block-conservation',
  },
  {
    name: 'preempted-to-the-back',
    file: 'engine.ts',
    find: 'this.#waiting.unshift(...decision.preempted);',
    replace: 'this.#waiting.push(...decision.preempted);',
    caughtBy: 'preempted-first',
  },
  {
    name: 'replay-sampled-again',
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
    name: 'submit-without-wake',
    file: 'engine.ts',
    find: 'this.#waiting.push(sequence);\n    this.#wake?.();',
    replace: 'this.#waiting.push(sequence);',
    caughtBy: 'liveness',
  },
  {
    name: 'cancel-only-while-running',
    file: 'engine.ts',
    find: 'if (sequence.cancelled) this.#finish',
    replace: 'if (sequence.cancelled && sequence.slot !== undefined) this.#finish',
    caughtBy: 'cancel',
  },
  {
    name: 'token-after-cancel',
    file: 'engine.ts',
    find: 'if (sequence.cancelled) return;',
    replace: '',
    caughtBy: 'cancel',
  },
  {
    name: 'chunks-survive-a-failed-pass',
    file: 'engine.ts',
    find: 'for (const sequence of [...decodes, ...chunks.map((chunk) => chunk.sequence)]) {',
    replace: 'for (const sequence of chunks.length > 0 ? decodes : []) {',
    caughtBy: 'failed-pass',
  },
  {
    name: 'one-token-too-many',
    file: 'live-sequence.ts',
    find: 'promptIds.length + request.tokensMax)',
    replace: 'promptIds.length + request.tokensMax + 1)',
    caughtBy: 'oracle-text',
  },
  {
    name: 'waiting-prompts-not-reported',
    file: 'engine.ts',
    find: 'sum(this.#running) + sum(this.#waiting)',
    replace: 'sum(this.#waiting)',
    caughtBy: 'load-report',
  },
  {
    name: 'same-id-twice',
    file: 'engine.ts',
    find: 'if (this.#live.has(request.id)) {',
    replace: 'if (this.#live.size > 100) {',
    caughtBy: 'refusals',
  },
  {
    name: 'queue-without-bound',
    file: 'refusal.ts',
    find: 'if (room.waiting >= room.waitingMax) {',
    replace: 'if (room.waiting > room.waitingMax + 50) {',
    caughtBy: 'queue-bound',
  },
  {
    name: 'draw-of-the-wrong-token',
    file: 'engine.ts',
    find: 'uniform(sampling.seed, sequence.generated)',
    replace: 'uniform(sampling.seed, sequence.computed)',
    caughtBy: 'oracle-text',
  },
  {
    name: 'penalty-forgets-the-output',
    file: 'engine.ts',
    find: 'sequence.adjustments?.addGenerated(tokenId);',
    replace: '',
    caughtBy: 'oracle-text',
  },
  {
    name: 'event-for-two',
    file: 'engine.ts',
    find: "this.#events.push({ kind: 'failed'",
    replace:
      "this.#events.push({ kind: 'failed', id: sequence.request.id, error });\n      this.#events.push({ kind: 'failed'",
    caughtBy: 'stream-order',
  },
  {
    name: 'slot-given-twice',
    file: 'kv/slot-table.ts',
    find: 'const slot = this.#taken.indexOf(0);',
    replace: 'const slot = Math.max(0, this.#taken.indexOf(0) - 1);',
    caughtBy: 'model-contract',
  },
  {
    name: 'block-of-seventeen',
    file: 'kv/token-ledger.ts',
    find: 'return Math.ceil(tokens / TOKENS_PER_BLOCK);',
    replace: 'return Math.ceil((tokens - 1) / TOKENS_PER_BLOCK);',
    caughtBy: 'block-conservation',
  },
  {
    name: 'sarathi-decodes-within-the-budget',
    file: 'scheduler/sarathi.ts',
    find: 'decodes.push(sequence);',
    replace: 'if (decodes.length < 4) decodes.push(sequence);',
    caughtBy: 'decode-gap',
  },
  {
    name: 'sarathi-budget-for-each-chunk',
    file: 'scheduler/sarathi.ts',
    find: 'budget -= tokens;',
    replace: '',
    caughtBy: 'step-budget',
  },
  {
    name: 'sarathi-newcomers-overtake',
    file: 'scheduler/sarathi.ts',
    find: 'for (const sequence of queue.waiting) {',
    replace: 'for (const sequence of [...queue.waiting].reverse()) {',
    caughtBy: 'admission-order',
  },
  {
    name: 'sarathi-oldest-loses-memory',
    file: 'scheduler/sarathi.ts',
    find: 'const kept = [...queue.running];',
    replace: 'const kept = [...queue.running].reverse();',
    caughtBy: 'admission-order',
  },
  {
    name: 'order-of-decodes-at-random',
    file: 'scheduler/sarathi.ts',
    find: 'if (!served || preempted.length > 0)',
    replace: 'if (Math.random() < 0.5) decodes.reverse();\n  if (!served || preempted.length > 0)',
    caughtBy: 'determinism',
  },
  {
    name: 'late-gaps-not-counted',
    file: 'token-times.ts',
    find: 'if (nowMs - this.#lastMs > this.#objectives.tbtMs) this.#gapsLate += 1;',
    replace: '',
    caughtBy: 'timeliness',
  },
];
