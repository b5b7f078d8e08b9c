import { setTimeout as sleep } from 'node:timers/promises';
import { SourceError } from './source-error.js';

const triesMax = 3;

/** Does small work again, up to three times in all, while its failure says that this may help; the wait doubles. */
export async function retrying<T>(work: () => Promise<T>, waitMs: number, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof SourceError) || !thrown.retryable || tries === triesMax) throw thrown;
      await sleep(waitMs * 2 ** (tries - 1), undefined, { signal });
    }
  }
}
