import { assert } from '@sluice/shared';

/** Most urgent first. */
export const queueClasses = ['high', 'normal', 'low'] as const;
export type QueueClass = (typeof queueClasses)[number];

export interface Waiting {
  /** Whose share it takes. */
  readonly key: string;
  readonly class: QueueClass;
  /** What it weighs: tokens of the prompt, estimated. At least 1. */
  readonly tokens: number;
  readonly arrivalMs: number;
  /** When waiting is of no use any more; Infinity: never. */
  readonly deadlineMs: number;
}

export interface FairQueueLimits {
  readonly requestsMax: number;
  /** Tokens of all that wait. One request alone may weigh more. */
  readonly tokensMax: number;
}

/** What is served before a request. */
export interface Ahead {
  readonly requests: number;
  /** Of their prompts. */
  readonly tokens: number;
}

/** Tokens that a key may take in one round; any that is not far below a usual prompt does. */
const QUANTUM_TOKENS = 256;
/** What a request takes of its key's turn at least: short prompts have answers too, and come in crowds. */
const TURN_TOKENS_MIN = 64;
/** A class waits so long at most while higher ones are served, for each class between. */
const AGEING_MS = 10_000;

/**
 * What waits for a worker: by class, and inside a class in fair shares of tokens by key (deficit round robin: Shreedhar and
 * Varghese, SIGCOMM 1995). Inside a key first come first served. A class whose oldest has waited 10 s for each class
 * above it is served before those, so nobody starves.
 */
export class FairQueue<W extends Waiting> {
  readonly #limits: FairQueueLimits;
  readonly #classes = new Map(queueClasses.map((name) => [name, new ClassQueue<W>()]));
  #requests = 0;
  #tokens = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get limits(): FairQueueLimits {
    return this.#limits;
  }

  get requests(): number {
    return this.#requests;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Whether one more of so many tokens may wait. */
  hasRoom(tokens: number): boolean {
    const { requestsMax, tokensMax } = this.#limits;
    return this.#requests < requestsMax && (this.#requests === 0 || this.#tokens + tokens <= tokensMax);
  }

  /** Only where {@link hasRoom}. */
  push(one: W): void {
    assert(this.hasRoom(one.tokens), 'a request waits where there is no room');
    this.#classes.get(one.class)!.push(one);
    this.#requests += 1;
    this.#tokens += one.tokens;
  }

  /**
   * Who has to go so that one whom there is no room for may wait: the youngest of the key that takes most, in the same
   * class, if that stays above what the newcomer's key takes. Undefined: nobody, or it would not be enough.
   */
  displacedBy(newcomer: Waiting): W | undefined {
    const { requestsMax, tokensMax } = this.#limits;
    const displaced = this.#classes.get(newcomer.class)!.youngestOfLargest(newcomer);
    if (displaced === undefined || this.#requests > requestsMax) return undefined;
    return this.#tokens - displaced.tokens + newcomer.tokens <= tokensMax ? displaced : undefined;
  }

  /** Takes who is next; undefined when nobody waits. */
  shift(nowMs: number): W | undefined {
    const one = this.#nextClass(nowMs)?.shift();
    if (one !== undefined) this.#forget(one);
    return one;
  }

  /** False when it does not wait (any more). */
  remove(one: W): boolean {
    const waited = this.#classes.get(one.class)!.remove(one);
    if (waited) this.#forget(one);
    return waited;
  }

  /** Takes those whose deadline has come. */
  takeExpired(nowMs: number): W[] {
    const expired = [...this.#classes.values()].flatMap((queue) =>
      queue.all().filter((one) => one.deadlineMs <= nowMs),
    );
    for (const one of expired) this.remove(one);
    return expired;
  }

  /** What will be served before one that joins now; others of its key count whole, other keys up to its share. */
  ahead(key: string, name: QueueClass): Ahead {
    const ahead = { requests: 0, tokens: 0 };
    for (const [other, queue] of this.#classes) {
      const { requests, tokens } = other === name ? queue.ahead(key) : queue;
      ahead.requests += requests;
      ahead.tokens += tokens;
      if (other === name) break;
    }
    return ahead;
  }

  #forget(one: W): void {
    this.#requests -= 1;
    this.#tokens -= one.tokens;
  }

  #nextClass(nowMs: number): ClassQueue<W> | undefined {
    let next: ClassQueue<W> | undefined;
    let rank = 0;
    for (const queue of this.#classes.values()) {
      const oldestMs = queue.oldestMs;
      if (oldestMs !== undefined && (next === undefined || nowMs - oldestMs >= rank * AGEING_MS)) next = queue;
      rank += 1;
    }
    return next;
  }
}

/** One class: a ring of keys, each with its own line and what it may still take in this round. */
class ClassQueue<W extends Waiting> {
  /** In the order of the ring; the first is whose turn it is. */
  readonly #lines = new Map<string, { readonly waiting: W[]; deficit: number; tokens: number }>();
  requests = 0;
  tokens = 0;

  get oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const { waiting } of this.#lines.values()) oldest = Math.min(oldest ?? Infinity, waiting[0]!.arrivalMs);
    return oldest;
  }

  all(): W[] {
    return [...this.#lines.values()].flatMap(({ waiting }) => waiting);
  }

  push(one: W): void {
    let line = this.#lines.get(one.key);
    if (line === undefined) {
      line = { waiting: [], deficit: 0, tokens: 0 };
      this.#lines.set(one.key, line);
    }
    line.waiting.push(one);
    line.tokens += one.tokens;
    this.requests += 1;
    this.tokens += one.tokens;
  }

  shift(): W | undefined {
    for (const [key, line] of this.#lines) {
      const head = line.waiting[0]!;
      const cost = Math.max(TURN_TOKENS_MIN, head.tokens);
      if (line.deficit >= cost || this.#lines.size === 1) {
        line.deficit = Math.max(0, line.deficit - cost);
        this.remove(head);
        return head;
      }
      // To the end of the ring, with more to spend when its turn comes again. Maps iterate what is added meanwhile.
      line.deficit += QUANTUM_TOKENS;
      this.#lines.delete(key);
      this.#lines.set(key, line);
    }
    return undefined;
  }

  remove(one: W): boolean {
    const line = this.#lines.get(one.key);
    const index = line?.waiting.indexOf(one) ?? -1;
    if (line === undefined || index < 0) return false;
    line.waiting.splice(index, 1);
    line.tokens -= one.tokens;
    this.requests -= 1;
    this.tokens -= one.tokens;
    if (line.waiting.length === 0) this.#lines.delete(one.key);
    return true;
  }

  youngestOfLargest({ key, tokens }: Waiting): W | undefined {
    const own = (this.#lines.get(key)?.tokens ?? 0) + tokens;
    let largest: { readonly waiting: readonly W[]; readonly tokens: number } | undefined;
    for (const line of this.#lines.values()) if (line.tokens > (largest?.tokens ?? own)) largest = line;
    return largest?.waiting.at(-1);
  }

  ahead(key: string): Ahead {
    const own = this.#lines.get(key);
    const ahead = { requests: own?.waiting.length ?? 0, tokens: own?.tokens ?? 0 };
    const turnTokens = ahead.tokens + QUANTUM_TOKENS;
    for (const [other, { waiting, tokens }] of this.#lines) {
      if (other === key) continue;
      const share = Math.min(1, turnTokens / Math.max(tokens, TURN_TOKENS_MIN * waiting.length));
      ahead.requests += share * waiting.length;
      ahead.tokens += share * tokens;
    }
    return ahead;
  }
}
