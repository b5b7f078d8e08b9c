import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadRuntime } from '@sluice/ort';
import { readMemo, writeMemo } from '../memo.js';
import type { FetchContext } from '../models/fetch-progress.js';
import { withLock } from '../models/lock-file.js';
import { reasonOf } from '../models/source-error.js';
import { buildLibrary, compilerFlags } from './build-library.js';
import { checkLibrary } from './check-library.js';
import type { CompilerWheel } from './compiler-wheels.js';
import { fetchCompiler } from './fetch-compiler.js';
import type { KernelSources } from './kernel-sources.js';
import { processorFeatures } from './processor-features.js';

/**
 * The place of a library in the cache: `<cache>/kernels/<key>/`, whose key says from what it was made and for which
 * processor. Beside it, until it is there, why it could not be made.
 */
export interface LibrarySlot {
  /** Of the libraries of all keys. */
  readonly parent: string;
  readonly folder: string;
  readonly libraryPath: string;
  /** Says which bytes passed the check. */
  readonly checkedPath: string;
  readonly failurePath: string;
}

export interface MakeOptions {
  readonly slot: LibrarySlot;
  readonly sources: KernelSources;
  readonly wheel: CompilerWheel;
  readonly cacheFolder: string;
  readonly context: FetchContext;
  /** Whether a compiler that had to be fetched stays, for further sources. */
  readonly keepCompiler: boolean;
}

/** Of folders in which something is being made. */
const WORK_PREFIX = 'build-';

export function librarySlot(cacheFolder: string, sources: KernelSources, wheel: CompilerWheel): LibrarySlot {
  const { version, target } = wheel;
  const parts = [sources.sha256, sources.units, version, target, compilerFlags, processorFeatures()];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  const parent = path.join(cacheFolder, 'kernels');
  const folder = path.join(parent, key);
  return {
    parent,
    folder,
    libraryPath: path.join(folder, 'kernels.so'),
    // Another release of the runtime may read a library otherwise.
    checkedPath: path.join(folder, `checked-${loadRuntime().version}.json`),
    failurePath: path.join(parent, `${key}.failure.json`),
  };
}

/** Whether the library is there, whole, and was found right. Takes a millisecond. */
export async function isChecked({ libraryPath, checkedPath }: LibrarySlot): Promise<boolean> {
  try {
    return (await readMemo(checkedPath)) === (await hashOf(libraryPath));
  } catch {
    return false;
  }
}

/**
 * Makes the library of a slot and checks it; once, however many processes ask.
 * @throws Error saying why there is none: no compiler, what the compiler or the check said; the signal's reason.
 */
export async function makeLibrary(options: MakeOptions): Promise<void> {
  const { slot, context } = options;
  const { signal, onProgress } = context;
  await mkdir(slot.parent, { recursive: true });
  const onWait = (): void => onProgress({ phase: 'wait', what: 'operators', bytesDone: 0, bytesTotal: undefined });
  await withLock(path.join(slot.parent, '.lock'), { signal, onWait }, async () => {
    if (await isChecked(slot)) return;
    await removeLeftovers(slot.parent);
    if (await passesCheck(slot, context)) return;
    await rm(slot.folder, { recursive: true, force: true });
    const work = path.join(slot.parent, `${WORK_PREFIX}${randomUUID()}`);
    try {
      await buildInto(work, options);
      await mkdir(slot.folder);
      await rename(path.join(work, 'kernels.so'), slot.libraryPath);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    await checkAndMark(slot, context);
  });
}

async function buildInto(work: string, options: MakeOptions): Promise<void> {
  const { sources, wheel, context } = options;
  const compiler = await openCompiler(path.join(work, 'compiler'), options);
  context.onProgress({ phase: 'compile', what: 'operators', bytesDone: 0, bytesTotal: undefined });
  await buildLibrary({
    compiler,
    target: wheel.target,
    sources,
    output: path.join(work, 'kernels.so'),
    scratchFolder: path.join(work, 'scratch'),
    signal: context.signal,
  });
}

/** Path of a compiler: one that was kept, or a fetched one. */
async function openCompiler(folder: string, options: MakeOptions): Promise<string> {
  const { wheel, cacheFolder, context, keepCompiler } = options;
  const keptFolder = path.join(cacheFolder, 'compilers', `${wheel.package}-${wheel.version}-${wheel.target}`);
  const kept = await keptCompiler(keptFolder);
  if (kept !== undefined) return kept;
  const program = await fetchCompiler(wheel, folder, context);
  if (!keepCompiler) return program;
  await writeFile(path.join(folder, 'program'), path.relative(folder, program));
  await mkdir(path.dirname(keptFolder), { recursive: true });
  try {
    await rename(folder, keptFolder);
  } catch (thrown) {
    // Another process, with a cache folder that shares this one, may have been faster.
    const theirs = await keptCompiler(keptFolder);
    if (theirs === undefined) throw thrown;
    return theirs;
  }
  return path.join(keptFolder, path.relative(folder, program));
}

async function keptCompiler(keptFolder: string): Promise<string | undefined> {
  const program = await readFile(path.join(keptFolder, 'program'), 'utf8').catch(() => undefined);
  return program === undefined ? undefined : path.join(keptFolder, program);
}

/** Whether a library of another time is there and right: after a new release of the runtime it usually is. */
async function passesCheck(slot: LibrarySlot, context: FetchContext): Promise<boolean> {
  try {
    await checkAndMark(slot, context);
    return true;
  } catch {
    context.signal.throwIfAborted();
    return false;
  }
}

async function checkAndMark({ libraryPath, checkedPath }: LibrarySlot, { signal }: FetchContext): Promise<void> {
  const hash = await hashOf(libraryPath);
  await checkLibrary(libraryPath, { signal });
  await writeMemo(checkedPath, hash);
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** Folders of processes that were ended while they held the lock. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(WORK_PREFIX)) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

/** Why a library could not be made, and when. */
export interface MakeFailure {
  readonly reason: string;
  readonly atMs: number;
}

/** Undefined where nothing failed, or nobody wrote it down. */
export async function readFailure(slot: LibrarySlot): Promise<MakeFailure | undefined> {
  const known = await readMemo(slot.failurePath).catch(() => undefined);
  if (typeof known !== 'object' || known === null) return undefined;
  const { reason, atMs }: Partial<Record<keyof MakeFailure, unknown>> = known;
  return typeof reason === 'string' && typeof atMs === 'number' ? { reason, atMs } : undefined;
}

/** Where it cannot be written either, the next start tries again. */
export async function rememberFailure(slot: LibrarySlot, thrown: unknown, atMs: number): Promise<void> {
  const failure: MakeFailure = { reason: reasonOf(thrown), atMs };
  await writeMemo(slot.failurePath, failure).catch(() => {});
}
