import { Ewma, type LoadState } from '@sluice/shared';

/** Work of this age counts half. */
const HALF_LIFE_MS = 5_000;

/** How fast the engine has been lately, from the steps themselves. */
export class StepRates {
  readonly #prefill = new Ewma(HALF_LIFE_MS);
  readonly #decode = new Ewma(HALF_LIFE_MS);
  #stepMs = 0;
  #steps = 0;

  get current(): Pick<LoadState, 'prefillTokensPerSecond' | 'decodeTokensPerSecond' | 'stepMs' | 'steps'> {
    return {
      prefillTokensPerSecond: this.#prefill.value ?? 0,
      decodeTokensPerSecond: this.#decode.value ?? 0,
      stepMs: this.#stepMs,
      steps: this.#steps,
    };
  }

  add(decodes: number, prefillTokens: number, passMs: number): void {
    this.#steps += 1;
    this.#stepMs = passMs;
    if (passMs <= 0) return;
    // On a CPU a mixed step costs the sum of its parts, and a decode about as much as a prompt token.
    if (prefillTokens > 0) this.#prefill.add(((prefillTokens + decodes) * 1000) / passMs, passMs);
    if (decodes > 0) this.#decode.add((decodes * 1000) / passMs, passMs);
  }
}
