import { setTimeout as wait } from 'node:timers/promises';
import { CommandError } from '../command-error.js';

const askAgainMs = 25;

/**
 * Resolves when the server says that it can answer requests.
 *
 * @throws CommandError with the server's own words when it does not within `withinMs`
 */
export async function waitUntilReady(url: string, withinMs: number): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const obstacle = await askReadiness(url);
    if (obstacle === undefined) return;
    if (performance.now() > deadlineMs) {
      throw new CommandError(`${url} is not ready after ${withinMs / 1000} s: ${obstacle}`);
    }
    await wait(askAgainMs);
  }
}

/** Undefined: it is ready. */
async function askReadiness(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/ready`);
    const body = await response.text();
    return response.ok ? undefined : body.slice(0, 200);
  } catch {
    return 'it does not answer';
  }
}
