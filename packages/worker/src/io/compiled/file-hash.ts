import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * SHA-256 of a file, in hexadecimal. Remembered in the cache folder for as long as the file's size, time of change and
 * inode stay what they were, since hashing a model at every start would take longer than the start.
 */
export async function fileHash(file: string, cacheFolder: string): Promise<string> {
  const real = await realpath(file);
  const { size, mtimeMs, ino } = await stat(real);
  const identity = `${real} ${size} ${mtimeMs} ${ino}`;
  const folder = path.join(cacheFolder, 'hashes');
  const memo = path.join(folder, createHash('sha256').update(identity).digest('hex'));
  const known = await readFile(memo, 'utf8').catch(() => '');
  if (/^[0-9a-f]{64}$/.test(known)) return known;

  const hash = createHash('sha256');
  await pipeline(createReadStream(real, { highWaterMark: 1 << 20 }), hash);
  const digest = hash.digest('hex');
  await mkdir(folder, { recursive: true });
  const temporary = `${memo}.${randomUUID()}`;
  try {
    await writeFile(temporary, digest);
    await rename(temporary, memo);
  } finally {
    await rm(temporary, { force: true });
  }
  return digest;
}
