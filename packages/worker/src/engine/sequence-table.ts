import { assert } from '@sluice/shared';
import type { StepCost } from './cost-model.js';
import { CACHED_TOKENS_MIN } from './kv/prefix-cache.js';
import { COMPUTED_TOKENS_MIN, type SlotMemory } from './kv/slot-memory.js';
import type { LiveSequence } from './live-sequence.js';

/**
 * Every sequence of an engine: those that wait and those that run, and with whom which slot is. Moving one moves its
 * memory with it.
 */
export class SequenceTable {
  readonly #memory: SlotMemory;
  /** Every live sequence by id. */
  readonly #live = new Map<string, LiveSequence>();
  /** By arrival, preempted ones first. */
  readonly #waiting: LiveSequence[] = [];
  /** In the order in which they got their slots. */
  #running: LiveSequence[] = [];
  /** Live sequences that are of a group. */
  #grouped = 0;

  constructor(memory: SlotMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#live.size;
  }

  get waiting(): readonly LiveSequence[] {
    return this.#waiting;
  }

  get running(): readonly LiveSequence[] {
    return this.#running;
  }

  /**
   * Those that wait and may be let in. While one of a group computes the prompt, or waits for its turn to, the others have
   * nothing to gain from coming in: they stay behind and find it in the cache. Where that one ends, fails or loses its
   * slot, the next leads. Who would not find it there waits for nobody.
   */
  get admissible(): readonly LiveSequence[] {
    if (this.#grouped === 0 || !this.#memory.keepsPrompts) return this.#waiting;
    const led = new Set<string>();
    const computed = new Set<string>();
    for (const { request, prefillTokens } of this.#running) {
      if (request.group !== undefined) (prefillTokens > 0 ? led : computed).add(request.group);
    }
    return this.#waiting.filter((sequence) => {
      const { request, promptTokens, prefillTokens, reusableTokens } = sequence;
      const { group } = request;
      if (group === undefined || computed.has(group) || prefillTokens <= COMPUTED_TOKENS_MIN) return true;
      const canFind = reusableTokens === promptTokens && promptTokens - COMPUTED_TOKENS_MIN >= CACHED_TOKENS_MIN;
      const stays = led.has(group) && canFind;
      led.add(group);
      return !stays;
    });
  }

  /** Prompts that a step could compute: those that run, and of those that wait as many as there are free slots. */
  get promptsAtHand(): number {
    const running = this.#running.reduce((count, { prefillTokens }) => count + (prefillTokens > 0 ? 1 : 0), 0);
    return running + Math.min(this.#waiting.length, this.#memory.slotsFree);
  }

  /** Prompt tokens not yet computed; of those that wait for their group's as few as they will compute. */
  get prefillTokens(): number {
    const sum = (sequences: readonly LiveSequence[]): number =>
      sequences.reduce((tokens, sequence) => tokens + sequence.prefillTokens, 0);
    const tokens = sum(this.#running) + sum(this.#waiting);
    const { admissible } = this;
    if (admissible.length === this.#waiting.length) return tokens;
    const behind = this.#waiting.length - admissible.length;
    return tokens - sum(this.#waiting) + sum(admissible) + behind * COMPUTED_TOKENS_MIN;
  }

  /** A copy, good for adding and removing while it is walked. */
  all(): LiveSequence[] {
    return [...this.#live.values()];
  }

  has(id: string): boolean {
    return this.#live.has(id);
  }

  get(id: string): LiveSequence | undefined {
    return this.#live.get(id);
  }

  /** Puts a new one at the end of the queue. */
  add(sequence: LiveSequence): void {
    this.#live.set(sequence.request.id, sequence);
    if (sequence.request.group !== undefined) this.#grouped += 1;
    this.#memory.lookUp(sequence);
    this.#waiting.push(sequence);
  }

  /** Gives one that waits a slot, and the memory of what it has to compute. */
  admit(sequence: LiveSequence): void {
    const index = this.#waiting.indexOf(sequence);
    assert(index >= 0, 'a sequence is let in that does not wait');
    this.#waiting.splice(index, 1);
    this.#memory.admit(sequence);
    this.#running.push(sequence);
  }

  /** Takes slot and memory from running ones and puts them in front of the queue. */
  preempt(sequences: readonly LiveSequence[], cost: StepCost): void {
    if (sequences.length === 0) return;
    for (const sequence of sequences) {
      this.#memory.preempt(sequence, cost);
      if (sequence.copied === undefined) sequence.beginAnew();
    }
    this.#running = this.#running.filter((sequence) => sequence.slot !== undefined);
    this.#waiting.unshift(...sequences);
  }

  /** @param isIntact false: nobody knows what is in its slot, and nobody may find its prompt there. */
  remove(sequence: LiveSequence, isIntact: boolean): void {
    this.#live.delete(sequence.request.id);
    sequence.request.guide?.dispose();
    if (sequence.request.group !== undefined) this.#grouped -= 1;
    const list = sequence.slot === undefined ? this.#waiting : this.#running;
    list.splice(list.indexOf(sequence), 1);
    if (sequence.slot === undefined) this.#memory.forget(sequence);
    else this.#memory.release(sequence, isIntact);
  }

  /** Takes all out and leaves slots and memory as they are. */
  takeAll(): LiveSequence[] {
    const all = this.all();
    for (const { request } of all) request.guide?.dispose();
    this.#live.clear();
    this.#waiting.length = 0;
    this.#running = [];
    return all;
  }
}
