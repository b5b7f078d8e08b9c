import type { ModelPort } from '../model-port.js';

/** How fast what a copy takes is learnt. */
const GAIN = 0.2;
/** A copy counts as at most so many times faster or slower than was thought. */
const SURPRISE_MAX = 4;
/** Where copies are too slow, what is thought of them goes back to the prior by so much each time none is made. */
const DOUBT = 0.005;

/** How long copies take, learnt from those that were made. */
export class CopyRate {
  readonly #priorMsPerByte: number;
  #msPerByte: number;

  /** @param priorMsPerByte what is thought before anything was copied. */
  constructor(priorMsPerByte: number) {
    this.#priorMsPerByte = priorMsPerByte;
    this.#msPerByte = priorMsPerByte;
  }

  predictMs(bytes: number): number {
    return bytes * this.#msPerByte;
  }

  /** A clock that stood still says nothing. */
  observe(bytes: number, ms: number): void {
    if (ms <= 0) return;
    const ratio = ms / this.predictMs(bytes);
    this.#msPerByte *= Math.min(SURPRISE_MAX, Math.max(1 / SURPRISE_MAX, ratio)) ** GAIN;
  }

  doubt(): void {
    this.#msPerByte *= (this.#priorMsPerByte / this.#msPerByte) ** DOUBT;
  }
}

/** A model whose copies from slot to slot teach a rate. */
export function withTimedCopies(
  model: Pick<ModelPort, 'copy' | 'copyBytes' | 'prepare' | 'release'>,
  rate: CopyRate,
  nowMs: () => number,
): Pick<ModelPort, 'copy' | 'copyBytes' | 'prepare' | 'release'> {
  return {
    copy: (fromSlot, toSlot, tokens) => {
      const startMs = nowMs();
      model.copy(fromSlot, toSlot, tokens);
      rate.observe(model.copyBytes(tokens), nowMs() - startMs);
    },
    copyBytes: (tokens) => model.copyBytes(tokens),
    prepare: (slot, tokens) => model.prepare(slot, tokens),
    release: (slot, fromToken) => model.release(slot, fromToken),
  };
}
