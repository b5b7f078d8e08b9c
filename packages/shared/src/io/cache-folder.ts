import os from 'node:os';
import path from 'node:path';

/**
 * The one folder for everything that can be fetched or made again: models and compiled graphs. `SLUICE_CACHE` if set,
 * else `$XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`. Not created here.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SLUICE_CACHE) return path.resolve(env.SLUICE_CACHE);
  return path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'sluice');
}
