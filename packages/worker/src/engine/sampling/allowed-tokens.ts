/** A set of tokens as a bit for each of the vocabulary, 32 to a word; what is behind the last word is not in it. */
export class AllowedTokens {
  readonly words: Int32Array;
  /** How many there are. */
  readonly count: number;

  constructor(words: Int32Array) {
    this.words = words;
    let count = 0;
    for (let index = 0; index < words.length; index++) if (words[index] !== 0) count += bitCount(words[index]!);
    this.count = count;
  }

  has(tokenId: number): boolean {
    return ((this.words[tokenId >>> 5] ?? 0) >>> (tokenId & 31)) % 2 === 1;
  }

  /** Rising ids; those below `vocabularyCount`. */
  ids(vocabularyCount: number): Int32Array {
    const ids = new Int32Array(this.count);
    let length = 0;
    for (let index = 0; index < this.words.length; index++) {
      let word = this.words[index]!;
      while (word !== 0) {
        const lowest = word & -word;
        const id = 32 * index + 31 - Math.clz32(lowest);
        if (id < vocabularyCount) ids[length++] = id;
        word ^= lowest;
      }
    }
    return length === ids.length ? ids : ids.subarray(0, length);
  }
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
