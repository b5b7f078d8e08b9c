import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The C of the operators. */
export interface KernelSources {
  readonly folder: string;
  /** Names of what is compiled, sorted; headers are found beside. */
  readonly units: readonly string[];
  /** Of all names and contents, headers included; lower-case hex. */
  readonly sha256: string;
}

/** From dist/ as well as from src/. */
const nativeFolder = fileURLToPath(new URL('../../../native', import.meta.url));

/** @throws what the file system throws, or Error where nothing is to be compiled. */
export async function readKernelSources(folder = nativeFolder): Promise<KernelSources> {
  const names = (await readdir(folder)).filter((name) => /\.[ch]$/.test(name)).toSorted();
  const units = names.filter((name) => name.endsWith('.c'));
  if (units.length === 0) throw new Error(`${folder} has no C files`);
  const hash = createHash('sha256');
  for (const name of names) {
    const content = await readFile(path.join(folder, name));
    hash.update(`${name}\n${content.length}\n`).update(content);
  }
  return { folder, units, sha256: hash.digest('hex') };
}
