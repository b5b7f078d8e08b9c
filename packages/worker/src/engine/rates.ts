import { Ewma, type LoadState } from '@sluice/shared';

/** Work of this age counts half. */
const HALF_LIFE_MS = 5_000;

/** How fast the engine has been lately, from the steps themselves. */
export class StepRates {
  readonly #prefill = new Ewma(HALF_LIFE_MS);
  readonly #decode = new Ewma(HALF_LIFE_MS);
  #stepMs = 0;
  #steps = 0;
  /** End of the last step with prompt tokens. */
  #prefillEndMs = Number.NEGATIVE_INFINITY;
  /** Of steps that ended together with another one: they count with the next. */
  #tokensLeft = 0;

  get current(): Pick<LoadState, 'prefillTokensPerSecond' | 'decodeTokensPerSecond' | 'stepMs' | 'steps'> {
    return {
      prefillTokensPerSecond: this.#prefill.value ?? 0,
      decodeTokensPerSecond: this.#decode.value ?? 0,
      stepMs: this.#stepMs,
      steps: this.#steps,
    };
  }

  add(decodes: number, prefillTokens: number, startMs: number, endMs: number): void {
    const passMs = endMs - startMs;
    this.#steps += 1;
    this.#stepMs = passMs;
    if (passMs <= 0) return;
    if (decodes > 0) this.#decode.add((decodes * 1000) / passMs, passMs);
    if (prefillTokens === 0) return;
    // Of steps side by side both gave tokens in the time that they have in common, which counts once.
    const ownMs = endMs - Math.max(startMs, this.#prefillEndMs);
    this.#prefillEndMs = endMs;
    // On a CPU a mixed step costs the sum of its parts, and a decode about as much as a prompt token.
    this.#tokensLeft += prefillTokens + decodes;
    if (ownMs <= 0) return;
    this.#prefill.add((this.#tokensLeft * 1000) / ownMs, ownMs);
    this.#tokensLeft = 0;
  }
}
