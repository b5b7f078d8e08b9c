import type { Decision, ObservedStep, Policy, QueueView, SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { byUrgency } from './urgency.js';

/** What a token costs a client, one that goes in and one that comes out. */
const PROMPT_PRICE = 1;
const OUTPUT_PRICE = 2;
/** Clients remembered that have nothing in the system. */
const ABSENT_MAX = 1_024;

/**
 * Fair shares by a virtual token counter (Sheng et al., OSDI 2024): each client is charged for what it is served, and the
 * next to be let in is of the client that was charged least. A client that comes back starts where the least charged of
 * those present is, so that nobody saves up. When the one whose turn it is does not fit, nobody is let in. Clients weigh
 * the same. Else as Sarathi's policy; inside a client, classes and arrival count.
 */
export class VirtualTokenCounter implements Policy {
  readonly #charged = new Map<string, number>();
  #present = new Set<string>();
  /** Tokens each sequence was charged for: its prompt, then what it generated. */
  readonly #billed = new WeakMap<SequenceView, number>();

  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
    const { nowMs, running, waiting, limits } = queue;
    this.#welcome([...running, ...waiting]);
    const draft = new StepDraft(queue);
    const inTurn = this.#inTurn(byUrgency(waiting, nowMs));
    draft.decodeAll(byUrgency(running, nowMs), inTurn);
    const order = [...byUrgency(draft.prompts, nowMs), ...inTurn];
    draft.prefill(order, () => limits.tokenBudget - draft.decodes.length - draft.prefillTokens);
    return draft.decision;
  }

  observe({ decision }: ObservedStep): void {
    for (const { sequence } of decision.chunks) this.#bill(sequence);
    for (const sequence of decision.decodes) this.#bill(sequence);
  }

  #bill(sequence: SequenceView): void {
    const { client, promptTokens, tokens } = sequence;
    const billed = this.#billed.get(sequence);
    const prompt = billed === undefined ? promptTokens * PROMPT_PRICE : 0;
    const output = (tokens - (billed ?? promptTokens)) * OUTPUT_PRICE;
    this.#billed.set(sequence, tokens);
    this.#charged.set(client, (this.#charged.get(client) ?? 0) + prompt + output);
  }

  /** Lifts the counters of clients that were not here before. */
  #welcome(sequences: readonly SequenceView[]): void {
    const present = new Set(sequences.map(({ client }) => client));
    const before = [...present].filter((client) => this.#present.has(client));
    const least = Math.min(...before.map((client) => this.#charged.get(client) ?? 0));
    for (const client of present) {
      if (this.#present.has(client)) continue;
      const charged = this.#charged.get(client) ?? 0;
      this.#charged.set(client, before.length === 0 ? charged : Math.max(charged, least));
    }
    this.#present = present;
    if (this.#charged.size <= present.size + ABSENT_MAX) return;
    for (const client of this.#charged.keys()) if (!present.has(client)) this.#charged.delete(client);
  }

  /** Again and again the first of the client that was charged least, who then owes its prompt. */
  #inTurn<S extends SequenceView>(waiting: readonly S[]): S[] {
    const owed = new Map<string, number>();
    const queues = new Map<string, S[]>();
    for (const sequence of waiting) {
      const queue = queues.get(sequence.client);
      if (queue === undefined) queues.set(sequence.client, [sequence]);
      else queue.push(sequence);
      owed.set(sequence.client, this.#charged.get(sequence.client) ?? 0);
    }
    const order: S[] = [];
    while (order.length < waiting.length) {
      let next: string | undefined;
      for (const [client, queue] of queues) {
        if (queue.length > 0 && (next === undefined || owed.get(client)! < owed.get(next)!)) next = client;
      }
      const sequence = queues.get(next!)!.shift()!;
      order.push(sequence);
      owed.set(next!, owed.get(next!)! + (this.#billed.has(sequence) ? 0 : sequence.promptTokens * PROMPT_PRICE));
    }
    return order;
  }
}
