/** Weight of the newest answer. */
const GAIN = 0.2;
/** Clients remembered; one more, and the one heard of longest ago is forgotten. */
const CLIENTS_MAX = 1_024;

/**
 * Guesses how long an answer will be: the moving mean of the same client's answers, else of everybody's, else the most
 * that was allowed. Plain on purpose: it sees no text.
 */
export class OutputLengths {
  readonly #byClient = new Map<string, number>();
  #ofAll: number | undefined;

  add(client: string, tokens: number): void {
    this.#ofAll = mix(this.#ofAll, tokens);
    const mean = mix(this.#byClient.get(client), tokens);
    this.#byClient.delete(client);
    this.#byClient.set(client, mean);
    if (this.#byClient.size <= CLIENTS_MAX) return;
    for (const oldest of this.#byClient.keys()) {
      this.#byClient.delete(oldest);
      return;
    }
  }

  /** Tokens of the client's next answer. */
  of(client: string, tokensMax: number): number {
    return this.#byClient.get(client) ?? this.#ofAll ?? tokensMax;
  }
}

function mix(mean: number | undefined, tokens: number): number {
  return mean === undefined ? tokens : mean + GAIN * (tokens - mean);
}
