import type { Api } from './api.js';
import { OrtError } from './ort-error.js';

/**
 * Room for weights in the layouts that the kernels want. Sessions created with the same one, and with the same tensors
 * as `initializers`, keep one prepacked copy between them.
 */
export class PrepackedWeights {
  readonly #api: Api;
  #pointer: bigint | undefined;
  #sessions = 0;

  /** Use `runtime.createPrepackedWeights()`. */
  constructor(api: Api) {
    this.#api = api;
    this.#pointer = api.created((out) => api.CreatePrepackedWeightsContainer(out));
  }

  /** Throws `OrtError` (`in_use`) while a session uses it. Twice is harmless. */
  dispose(): void {
    if (this.#pointer === undefined) return;
    if (this.#sessions > 0) {
      throw new OrtError('in_use', `the prepacked weights are in use by ${this.#sessions} sessions`);
    }
    this.#api.ReleasePrepackedWeightsContainer(this.#pointer);
    this.#pointer = undefined;
  }

  /** For this package. */
  get pointer(): bigint {
    if (this.#pointer === undefined) throw new OrtError('disposed', 'the prepacked weights were disposed of');
    return this.#pointer;
  }

  hold(): void {
    this.#sessions += 1;
  }

  letGo(): void {
    this.#sessions -= 1;
  }
}
