import type { RedisTarget } from '@sluice/store';
import { UsageError } from '../flags.js';

/**
 * Where `--redis` points; undefined without it. Loads what it takes to speak to Redis, and so not for a look at the help.
 * @throws UsageError that names flag and value.
 */
export async function redisTarget(flags: {
  readonly redis?: string;
  readonly fleet: string;
}): Promise<RedisTarget | undefined> {
  if (flags.redis === undefined) return undefined;
  const { fleetNamePattern, parseRedisUrl } = await import('@sluice/store');
  if (!fleetNamePattern.test(flags.fleet)) {
    const bound = '1 to 64 letters, digits, dots, dashes or underscores';
    throw new UsageError(`--fleet ${JSON.stringify(flags.fleet)} must be ${bound}`);
  }
  try {
    return parseRedisUrl(flags.redis);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
