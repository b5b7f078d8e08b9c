/** Work for {@link runClosedLoop}. */
export interface ClosedLoop<Result> {
  /** Requests that are out at any time, at least 1. */
  readonly concurrency: number;
  /** Requests in all. */
  readonly requests: number;
  /** Sends request number `index` (from 0) and resolves when it is over. After a rejection none is sent any more. */
  readonly send: (index: number) => Promise<Result>;
  /** Called after each one with how many are over. */
  readonly onDone?: (done: number) => void;
}

/**
 * Keeps `concurrency` requests out until `requests` are done: a user who asks again as soon as the answer is there.
 * Results are in the order of the requests' numbers.
 * @throws what the first rejected `send` threw.
 */
export async function runClosedLoop<Result>(loop: ClosedLoop<Result>): Promise<Result[]> {
  const results = new Array<Result>(loop.requests);
  let next = 0;
  let done = 0;
  const user = async (): Promise<void> => {
    while (next < loop.requests) {
      const index = next++;
      results[index] = await loop.send(index);
      loop.onDone?.(++done);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(loop.concurrency, loop.requests) }, user));
  } finally {
    next = loop.requests;
  }
  return results;
}
