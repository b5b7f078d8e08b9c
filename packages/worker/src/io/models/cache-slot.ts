import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { FetchContext } from './fetch-progress.js';
import { SourceError } from './source-error.js';

/**
 * The place of one file in the cache: `<cache>/models/<name>/<file>`. Beside it, hidden behind a dot and the file's name,
 * lies what is not ready: partial downloads, a wheel's folder, the lock. The final name exists only for whole files.
 */
export interface CacheSlot {
  readonly folder: string;
  readonly file: string;
  readonly path: string;
  readonly lockPath: string;
}

/** What is known of a file before it is here. */
export interface FileIdentity {
  /** Lower-case hex. */
  readonly sha256?: string | undefined;
  readonly byteCount?: number | undefined;
}

export function cacheSlot(cacheFolder: string, name: string, file: string): CacheSlot {
  const folder = modelFolder(cacheFolder, name);
  const flat = file.replaceAll('/', '--');
  return { folder, file: flat, path: path.join(folder, flat), lockPath: path.join(folder, `.${flat}.lock`) };
}

/** Where a model's files lie; a hub's "organisation/repository" becomes one folder. */
export function modelFolder(cacheFolder: string, name: string): string {
  return path.join(cacheFolder, 'models', name.replaceAll('/', '--'));
}

/** The whole GGUF files in a model's folder. */
export async function cachedFiles(cacheFolder: string, name: string): Promise<string[]> {
  const folder = modelFolder(cacheFolder, name);
  const files = await readdir(folder).catch((): string[] => []);
  return files.filter((file) => file.endsWith('.gguf') && !file.startsWith('.')).map((file) => path.join(folder, file));
}

/** Whether the file is there. */
export async function isFilled(slot: CacheSlot): Promise<boolean> {
  return stat(slot.path).then(
    (status) => status.isFile(),
    () => false,
  );
}

/**
 * A temporary name in the slot. The same `mark` gives the same name, so that a download can be gone on with; a mark
 * stands for one content.
 */
export function temporaryPath(slot: CacheSlot, mark: string): string {
  return path.join(slot.folder, `.${slot.file}.${mark}`);
}

/** Removes what earlier fetches left in the slot, but for the lock and `keep`. */
export async function sweep(slot: CacheSlot, keep?: string): Promise<void> {
  await mkdir(slot.folder, { recursive: true });
  for (const entry of await readdir(slot.folder)) {
    const entryPath = path.join(slot.folder, entry);
    if (!entry.startsWith(`.${slot.file}.`) || entryPath === slot.lockPath || entryPath === keep) continue;
    await rm(entryPath, { recursive: true, force: true });
  }
}

/**
 * Gives a finished temporary file its final name once length and checksum are right and its bytes are on the disk.
 * @throws SourceError when they are not; the temporary file is gone then.
 */
export async function publish(
  slot: CacheSlot,
  temporary: string,
  identity: FileIdentity,
  context: FetchContext,
): Promise<void> {
  try {
    await verifyFile(slot.file, temporary, identity, context);
  } catch (thrown) {
    if (thrown instanceof SourceError) await rm(temporary, { force: true });
    throw thrown;
  }
  const handle = await open(temporary, 'r+');
  await handle.sync().finally(() => handle.close());
  await rename(temporary, slot.path);
  await sweep(slot);
}

/**
 * Checks that a file that was fetched is the one that was meant.
 * @param what it is called in messages.
 * @throws SourceError when it is not.
 */
export async function verifyFile(
  what: string,
  file: string,
  identity: FileIdentity,
  context: FetchContext,
): Promise<void> {
  const { size } = await stat(file);
  if (identity.byteCount !== undefined && size !== identity.byteCount) {
    throw new SourceError(`${what} came with ${size} bytes instead of ${identity.byteCount}`);
  }
  if (identity.sha256 === undefined) return;
  const hash = createHash('sha256');
  let bytesDone = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20, signal: context.signal })) {
    hash.update(chunk);
    bytesDone += chunk.length;
    context.onProgress({ phase: 'verify', what, bytesDone, bytesTotal: size });
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== identity.sha256) {
    throw new SourceError(`${what} came with the SHA-256 ${sha256} instead of ${identity.sha256}`);
  }
}
