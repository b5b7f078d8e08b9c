import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '@sluice/shared';

const fileName = 'SmolLM2-135M-Instruct.Q4_1.gguf';

/**
 * The default model's file, for tests on real weights: `SLUICE_TEST_MODEL` if set, else wherever it lies in the cache.
 * Undefined where it has not been fetched: such tests are then skipped.
 */
export function defaultModelPath(): string | undefined {
  const named = process.env.SLUICE_TEST_MODEL;
  if (named !== undefined && named !== '') return named;
  const folder = cacheFolder();
  if (!existsSync(folder)) return undefined;
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find(
    (name) => path.basename(name) === fileName,
  );
  return found === undefined ? undefined : path.join(folder, found);
}
