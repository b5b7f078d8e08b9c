import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

// What was found out on a machine, in small files of the cache folder, for the next start.

/** None is nearly as large. */
const MEMO_BYTES_MAX = 65_536;

export interface MemoPlace {
  readonly cacheFolder: string;
  /** Inside of it. */
  readonly folder: string;
}

/**
 * The file of what holds for these parts and `threads` threads on this kind of processor.
 * @param parts whatever else it depends on.
 */
export function memoPath(place: MemoPlace, parts: readonly (string | number)[], threads: number): string {
  const processor = os.cpus()[0]?.model ?? 'unknown';
  const all = [...parts, os.platform(), os.arch(), processor, threads];
  const key = createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 32);
  return path.join(place.cacheFolder, place.folder, `${key}.json`);
}

/**
 * What a memo says, of which nothing is known but that it was JSON.
 * @throws (rejects) where it is not there, cannot be read, is too large or no JSON.
 */
export async function readMemo(memo: string): Promise<unknown> {
  const { size } = await stat(memo);
  if (size > MEMO_BYTES_MAX) throw new Error(`${memo}: ${size} bytes must be at most ${MEMO_BYTES_MAX}`);
  return JSON.parse(await readFile(memo, 'utf8'));
}

/** Whole or not at all; where several write, the last one wins. */
export async function writeMemo(memo: string, value: unknown): Promise<void> {
  await mkdir(path.dirname(memo), { recursive: true });
  const temporary = `${memo}.${randomUUID()}`;
  try {
    await writeFile(temporary, JSON.stringify(value));
    await rename(temporary, memo);
  } finally {
    await rm(temporary, { force: true });
  }
}
