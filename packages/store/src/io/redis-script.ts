import { createHash } from 'node:crypto';
import type { RedisClient } from './redis-client.js';

/** A Lua script that Redis runs atomically, sent in full only to a server that does not know it yet. */
export class RedisScript {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source;
    this.#sha = createHash('sha1').update(source).digest('hex');
  }

  /** @throws what the client throws. */
  async run(client: RedisClient, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    const parameters = [...keys, ...values];
    try {
      return await client.evalsha(this.#sha, keys.length, ...parameters);
    } catch (error) {
      // A server that was restarted or took over has forgotten it.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.eval(this.#source, keys.length, ...parameters);
    }
  }
}
