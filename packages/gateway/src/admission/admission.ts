import { ServingError } from '@sluice/shared';

export interface AdmissionLimits {
  /** Requests in flight. */
  readonly requestsMax: number;
  /** Bytes of the bodies of requests in flight: what prompts may hold in memory, here and on the way to workers. */
  readonly bodyBytesMax: number;
}

/** Counts what is in flight and refuses what is too much. */
export class Admission {
  readonly limits: AdmissionLimits;
  #requests = 0;
  #bodyBytes = 0;
  #onEmpty: (() => void)[] = [];

  constructor(limits: AdmissionLimits) {
    this.limits = limits;
  }

  get requests(): number {
    return this.#requests;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /**
   * @param requests that are answered by one reply.
   * @returns a function that gives their places back, once; or why there are not so many (`queue_full`).
   */
  admit(requests = 1): (() => void) | ServingError {
    const { requestsMax } = this.limits;
    if (this.#requests + requests > requestsMax) {
      const wanted = requests === 1 ? '' : ` and this one asks for ${requests} answers`;
      const problem = `${this.#requests} requests are in flight${wanted}, at most ${requestsMax} may be`;
      return new ServingError('queue_full', problem);
    }
    this.#requests += requests;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#requests -= requests;
      if (this.#requests > 0) return;
      for (const callback of this.#onEmpty.splice(0)) callback();
    };
  }

  /** Counts bytes of a body as they arrive; an error, and nothing counted, when they would be too many. */
  holdBytes(bytes: number): ServingError | undefined {
    const { bodyBytesMax } = this.limits;
    if (this.#bodyBytes + bytes > bodyBytesMax) {
      const bound = `with ${bytes} more they would hold more than ${bodyBytesMax}`;
      return new ServingError('queue_full', `the bodies of requests in flight hold ${this.#bodyBytes} bytes; ${bound}`);
    }
    this.#bodyBytes += bytes;
    return undefined;
  }

  releaseBytes(bytes: number): void {
    this.#bodyBytes -= bytes;
  }

  /** Resolves when no request is in flight. */
  async empty(): Promise<void> {
    if (this.#requests > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }
}
