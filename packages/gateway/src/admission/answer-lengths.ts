/** Callers and models whose answers are remembered; who was heard of longest ago is forgotten. */
const KEYS_MAX = 1_024;
/** Tokens of answers that are remembered of each; what came before them weighs half. */
const LEARN_TOKENS = 16_384;
/** Of an answer that nobody limits, where nothing was learnt. */
const TOKENS_UNKNOWN = 256;

interface Learnt {
  tokens: number;
  /** Answers that ended by themselves, and not because they were limited, failed or were cancelled. */
  ends: number;
}

/**
 * How long answers are likely to be, by what they may be at most and by those of the same caller and model so far. An
 * answer is taken to end by itself with every token alike, so one that was limited says as much as was seen of it: tokens
 * over ends is the likeliest mean length (the exponential distribution under censoring), and what is left of an answer does
 * not depend on what has come.
 */
export class AnswerLengths {
  readonly #learnt = new Map<string, Learnt>();

  /** An answer is over. @param hasEnded by itself. */
  learn(model: string, client: string, tokens: number, hasEnded: boolean): void {
    this.#add(keyOf(model, client), tokens, hasEnded);
    this.#add(keyOf(model), tokens, hasEnded);
  }

  /** Tokens that are likely to come. @param tokensMax that may come; 0: any number. */
  expectedTokens(model: string, client: string, tokensMax: number): number {
    const { tokens, ends } = this.#learnt.get(keyOf(model, client)) ??
      this.#learnt.get(keyOf(model)) ?? { tokens: 0, ends: 0 };
    if (ends === 0) return tokensMax || Math.max(TOKENS_UNKNOWN, tokens);
    const mean = tokens / ends;
    return tokensMax === 0 ? mean : mean * (1 - Math.exp(-tokensMax / mean));
  }

  #add(key: string, tokens: number, hasEnded: boolean): void {
    const learnt = this.#learnt.get(key) ?? { tokens: 0, ends: 0 };
    learnt.tokens += tokens;
    learnt.ends += hasEnded ? 1 : 0;
    if (learnt.tokens > LEARN_TOKENS) {
      learnt.tokens /= 2;
      learnt.ends /= 2;
    }
    // To the end of the map, whose beginning is forgotten.
    this.#learnt.delete(key);
    this.#learnt.set(key, learnt);
    if (this.#learnt.size <= KEYS_MAX) return;
    for (const oldest of this.#learnt.keys()) {
      this.#learnt.delete(oldest);
      return;
    }
  }
}

/** No name of a model holds a line break; without a caller: of all of them. */
function keyOf(model: string, client?: string): string {
  return client === undefined ? model : `${model}\n${client}`;
}
