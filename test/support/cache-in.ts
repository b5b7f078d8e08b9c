import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../packages/shared/src/index.js';

/** A cache folder of its own for a test, but for the kernels, which are made once for all. Returns its path. */
export function cacheIn(folder: string): string {
  for (const shared of ['kernels', 'compilers']) {
    const target = path.join(cacheFolder(), shared);
    mkdirSync(target, { recursive: true });
    mkdirSync(folder, { recursive: true });
    symlinkSync(target, path.join(folder, shared));
  }
  return folder;
}
