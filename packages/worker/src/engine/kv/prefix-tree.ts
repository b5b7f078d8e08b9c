/** What of a text is held, and where. */
export interface PrefixMatch {
  /** At least 1. */
  readonly tokens: number;
  /** Slots that begin with those tokens and then go on alike; at least one. */
  readonly slots: ReadonlySet<number>;
}

interface Node {
  parent: Node | undefined;
  /** The run of tokens between the parent and here; empty at the root alone. */
  tokens: Int32Array;
  /** By first token. */
  readonly children: Map<number, Node>;
  /** Slots whose content ends here. */
  readonly slots: Set<number>;
}

/**
 * Which slots begin with which tokens: a radix tree. A text is a path from the root; texts with a common beginning share
 * the path up to where they part, so that finding the longest match takes one walk, however many slots there are.
 *
 *   root ── system prompt ─┬─ first question ─── … slot 3
 *                          └─ other question ─── … slots 0, 5
 *
 * Runs are cut at any token and not at blocks: a slot is one piece of memory, any length of it can be used.
 */
export class PrefixTree {
  readonly #root = nodeOf(undefined, new Int32Array(0));
  /** Where each slot's content ends. */
  readonly #ends = new Map<number, Node>();

  /** A slot holds the first `length` of these tokens (at least one), and nothing else from now on. */
  set(slot: number, tokenIds: ArrayLike<number>, length: number): void {
    this.delete(slot);
    let node = this.#root;
    for (let at = 0; at < length; ) {
      const child = node.children.get(tokenIds[at]!);
      if (child === undefined) {
        node = addChild(
          node,
          Int32Array.from({ length: length - at }, (_, index) => tokenIds[at + index]!),
        );
        break;
      }
      const shared = sharedTokens(child.tokens, tokenIds, at, length);
      node = shared === child.tokens.length ? child : split(child, shared);
      at += shared;
    }
    node.slots.add(slot);
    this.#ends.set(slot, node);
  }

  /** A slot holds nothing any more. One that held nothing is ignored. */
  delete(slot: number): void {
    const end = this.#ends.get(slot);
    if (end === undefined) return;
    this.#ends.delete(slot);
    end.slots.delete(slot);
    prune(end);
  }

  /** What one slot holds is in another one now, which held nothing. */
  move(from: number, to: number): void {
    const end = this.#ends.get(from);
    if (end === undefined) return;
    this.#ends.delete(from);
    end.slots.delete(from);
    end.slots.add(to);
    this.#ends.set(to, end);
  }

  /** The longest beginning of `tokenIds` that any slot holds, of at most `lengthMax` tokens. */
  match(tokenIds: ArrayLike<number>, lengthMax: number): PrefixMatch | undefined {
    const length = Math.min(lengthMax, tokenIds.length);
    let node = this.#root;
    let tokens = 0;
    while (tokens < length) {
      const child = node.children.get(tokenIds[tokens]!);
      if (child === undefined) break;
      const shared = sharedTokens(child.tokens, tokenIds, tokens, length);
      tokens += shared;
      node = child;
      if (shared < child.tokens.length) break;
    }
    if (tokens === 0) return undefined;
    // Every leaf ends a slot, so any way down finds one.
    while (node.slots.size === 0) node = node.children.values().next().value!;
    return { tokens, slots: node.slots };
  }

  /** Whether another slot holds all that this one does. */
  isCovered(slot: number): boolean {
    const end = this.#ends.get(slot);
    return end !== undefined && (end.slots.size > 1 || end.children.size > 0);
  }

  /** Slots that hold only a beginning of what this one does. */
  beginningsOf(slot: number): number[] {
    const beginnings: number[] = [];
    for (let node = this.#ends.get(slot)?.parent; node !== undefined; node = node.parent)
      beginnings.push(...node.slots);
    return beginnings;
  }
}

function nodeOf(parent: Node | undefined, tokens: Int32Array): Node {
  return { parent, tokens, children: new Map(), slots: new Set() };
}

function addChild(parent: Node, tokens: Int32Array): Node {
  const child = nodeOf(parent, tokens);
  parent.children.set(tokens[0]!, child);
  return child;
}

/** How many tokens of a run, from its first, are those of a text from `at`. */
function sharedTokens(run: Int32Array, tokenIds: ArrayLike<number>, at: number, length: number): number {
  const most = Math.min(run.length, length - at);
  let shared = 0;
  while (shared < most && run[shared] === tokenIds[at + shared]) shared++;
  return shared;
}

/** Cuts a run in two; returns the new node at the cut. */
function split(lower: Node, length: number): Node {
  const upper = addChild(lower.parent!, lower.tokens.subarray(0, length));
  lower.parent = upper;
  lower.tokens = lower.tokens.subarray(length);
  upper.children.set(lower.tokens[0]!, lower);
  return upper;
}

/** Takes away what nothing ends behind, and joins two runs where nothing parts any more. */
function prune(end: Node): void {
  let node = end;
  while (node.parent !== undefined && node.slots.size === 0) {
    const { parent } = node;
    if (node.children.size > 1) return;
    const child = node.children.values().next().value;
    if (child !== undefined) {
      child.tokens = joined(node.tokens, child.tokens);
      child.parent = parent;
      parent.children.set(child.tokens[0]!, child);
      return;
    }
    parent.children.delete(node.tokens[0]!);
    node = parent;
  }
}

function joined(upper: Int32Array, lower: Int32Array): Int32Array {
  const run = new Int32Array(upper.length + lower.length);
  run.set(upper);
  run.set(lower, upper.length);
  return run;
}
