import { assert } from '@sluice/shared';

/** What followed in the text where it last read as it does at its end. */
export interface Match {
  readonly tokenIds: readonly number[];
  /** How many tokens in front were the same, up to {@link MATCH_MAX}. */
  readonly matched: number;
}

/** Longer matches are not told apart. */
export const MATCH_MAX = 8;
/** Places looked at for the longest match; of equals the latest counts. */
const LOOKS_MAX = 8;
const NOWHERE = -1;

/**
 * Finds in a growing text the earlier place that reads most like its end (prompt lookup; Saxena 2023; in vLLM the n-gram
 * proposer). Places are chained by the pair of tokens that they end with, as in a compressor of the LZ77 family; a single
 * token finds its latest place alone. Some nanoseconds a token to remember, a microsecond to look up.
 */
export class PromptLookup {
  /** By hash of a pair: the latest position of its second token. */
  readonly #pairs: Int32Array;
  /** By that position: the one before with the same hash. */
  readonly #before: Int32Array;
  /** By hash of a token: its latest position. */
  readonly #singles: Int32Array;
  /** Positions remembered; the last one of a text never is, for nothing follows it. */
  #remembered = 0;

  /** @param tokensMax of the whole text. */
  constructor(tokensMax: number) {
    const places = 2 ** Math.ceil(Math.log2(Math.max(2, tokensMax)));
    this.#pairs = new Int32Array(places).fill(NOWHERE);
    this.#singles = new Int32Array(places).fill(NOWHERE);
    this.#before = new Int32Array(tokensMax);
  }

  /** Undefined: nothing in the text reads like its end. Takes the tokens that are new since the last call along. */
  find(tokenIds: readonly number[], most: number): Match | undefined {
    assert(
      tokenIds.length <= this.#before.length,
      `a text of ${tokenIds.length} tokens, ${this.#before.length} at most`,
    );
    this.#remember(tokenIds);
    const end = tokenIds.length - 1;
    if (most <= 0 || end < 1) return undefined;
    let best = NOWHERE;
    let matched = 0;
    let at = this.#pairs[this.#pairPlace(tokenIds, end)]!;
    for (let look = 0; look < LOOKS_MAX && at !== NOWHERE && matched < MATCH_MAX; look++) {
      const length = matchLength(tokenIds, at, end);
      if (length > matched) [best, matched] = [at, length];
      at = this.#before[at]!;
    }
    if (best === NOWHERE) {
      const single = this.#singles[this.#place(tokenIds[end]!)]!;
      if (single === NOWHERE || tokenIds[single] !== tokenIds[end]) return undefined;
      [best, matched] = [single, matchLength(tokenIds, single, end)];
    }
    return { tokenIds: continuation(tokenIds, best, most), matched };
  }

  #remember(tokenIds: readonly number[]): void {
    for (let at = this.#remembered; at < tokenIds.length - 1; at++) {
      this.#singles[this.#place(tokenIds[at]!)] = at;
      if (at === 0) continue;
      const place = this.#pairPlace(tokenIds, at);
      this.#before[at] = this.#pairs[place]!;
      this.#pairs[place] = at;
    }
    this.#remembered = Math.max(this.#remembered, tokenIds.length - 1);
  }

  #pairPlace(tokenIds: readonly number[], at: number): number {
    return this.#place(Math.imul(tokenIds[at - 1]!, 0x9e3779b1) ^ tokenIds[at]!);
  }

  #place(value: number): number {
    const mixed = Math.imul(value ^ (value >>> 15), 0x85ebca6b);
    return (mixed ^ (mixed >>> 13)) & (this.#pairs.length - 1);
  }
}

/** Tokens that are the same in front of and at two positions, the later one last. */
function matchLength(tokenIds: readonly number[], at: number, end: number): number {
  let length = 0;
  while (length < MATCH_MAX && length <= at && tokenIds[at - length] === tokenIds[end - length]) length += 1;
  return length;
}

/** What follows a position; where the text ends, what would follow if it went on repeating itself. */
function continuation(tokenIds: readonly number[], at: number, most: number): number[] {
  const followed: number[] = [];
  for (let index = at + 1; followed.length < most; index++) {
    followed.push(index < tokenIds.length ? tokenIds[index]! : followed[index - tokenIds.length]!);
  }
  return followed;
}
