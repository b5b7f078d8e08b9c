import { ServingError } from '@sluice/shared';
import { architectureOf } from '../../model/architectures/architecture.js';
import { type Kernels, ownMisfit } from '../../model/compile/kernels.js';
import type { KvWish } from '../../model/compile/kv-format.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import type { FetchContext, ProgressListener } from '../models/fetch-progress.js';
import { reasonOf } from '../models/source-error.js';
import { type CompilerWheel, compilerWheel } from './compiler-wheels.js';
import {
  isChecked,
  type LibrarySlot,
  librarySlot,
  makeLibrary,
  readFailure,
  rememberFailure,
} from './kernel-library.js';
import { readKernelSources } from './kernel-sources.js';

/** Whose operators are wanted; `auto`: our own where they can be had. */
export type KernelWish = Kernels | 'auto';
export const kernelWishes: readonly KernelWish[] = ['auto', 'own', 'runtime'];

export type KernelChoice = OwnKernels | RuntimeKernels;

interface AnyKernels {
  /** For the log: why. */
  readonly reason: string;
}

export interface OwnKernels extends AnyKernels {
  readonly kernels: 'own';
  /** Of the shared library, checked. */
  readonly libraryPath: string;
}

export interface RuntimeKernels extends AnyKernels {
  readonly kernels: 'runtime';
  readonly libraryPath: undefined;
}

export interface KernelOptions {
  readonly cacheFolder: string;
  /** Passed on to pip. Read: SLUICE_KEEP_COMPILER. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Time of day, in milliseconds; default: the system's. */
  readonly wallMs?: () => number;
  /** Default: what the package comes with. */
  readonly nativeFolder?: string;
  /** Default: the one for this machine. */
  readonly wheel?: CompilerWheel;
}

/** From the first byte of the compiler to a checked library. */
const WAIT_MS = 15 * 60_000;
/** A machine without a network need not find that out at every start. */
const RETRY_AFTER_MS = 60 * 60_000;

/**
 * Whose operators a model is to run on. Our own are made at the first start on a machine: a C compiler is fetched as a
 * Python wheel (100 MB), compiles them for this processor, and is removed; a process of its own checks what came out. The
 * library is kept in the cache folder for all later starts, which find it in a few milliseconds.
 * @throws ServingError 'model_unusable' where `own` is asked for and cannot be had, with the reason; the signal's reason.
 * `auto` takes the runtime's operators then, and does not try again within an hour.
 */
export async function chooseKernels(wish: KernelWish, options: KernelOptions): Promise<KernelChoice> {
  if (wish === 'runtime') return runtimeKernels('asked for');
  try {
    return await ownKernels(wish, options);
  } catch (thrown) {
    options.signal?.throwIfAborted();
    const reason = reasonOf(thrown);
    if (wish === 'auto') return runtimeKernels(`own ones cannot be had: ${reason}`);
    throw new ServingError('model_unusable', `own kernels cannot be had: ${reason}; take --kernels runtime`, {
      cause: thrown,
    });
  }
}

/**
 * What `choose` gives, for a file with a model that own kernels can compute; else the runtime's, and nothing is fetched.
 * @param kv as keys and values are wanted; how they will be kept is decided with the weights, by `kvFor`.
 * @throws ServingError 'model_unusable' where `own` is asked for and cannot compute it, and where f16 is asked for and the
 * runtime's are taken, which have no way with it; what `choose` throws.
 */
export async function fittingKernels(
  wish: KernelWish,
  file: GgufFile,
  kv: KvWish,
  choose: () => Promise<KernelChoice>,
): Promise<KernelChoice> {
  const misfit = wish === 'runtime' ? undefined : ownMisfit(await architectureOf(file).readConfig(file));
  if (misfit !== undefined && wish === 'own') {
    throw new ServingError(
      'model_unusable',
      `own kernels cannot compute ${file.path}: ${misfit}; take --kernels runtime`,
    );
  }
  const choice =
    misfit === undefined ? await choose() : runtimeKernels(`own ones cannot compute this model: ${misfit}`);
  if (kv === 'f16' && choice.kernels === 'runtime') {
    const message = `keys and values in f16 need own kernels (those of the runtime: ${choice.reason}); take --kv f32`;
    throw new ServingError('model_unusable', message);
  }
  return choice;
}

async function ownKernels(wish: 'own' | 'auto', options: KernelOptions): Promise<OwnKernels> {
  const wheel = options.wheel ?? compilerWheel();
  if (wheel === undefined) throw new Error(`there is no compiler for ${process.platform} ${process.arch}`);
  const sources = await readKernelSources(options.nativeFolder);
  const slot = librarySlot(options.cacheFolder, sources, wheel);
  const own = (reason: string): OwnKernels => ({
    kernels: 'own',
    libraryPath: slot.libraryPath,
    reason: wish === 'own' ? 'asked for' : reason,
  });
  if (await isChecked(slot)) return own('made for this processor before');
  const wallMs = options.wallMs ?? Date.now;
  if (wish === 'auto') await requireNoRecentFailure(slot, wallMs());
  const context = contextOf(options);
  try {
    const keepCompiler = options.env.SLUICE_KEEP_COMPILER === '1';
    await makeLibrary({ slot, sources, wheel, cacheFolder: options.cacheFolder, context, keepCompiler });
  } catch (thrown) {
    options.signal?.throwIfAborted();
    await rememberFailure(slot, thrown, wallMs());
    throw thrown;
  }
  return own('made for this processor');
}

async function requireNoRecentFailure(slot: LibrarySlot, nowMs: number): Promise<void> {
  const failure = await readFailure(slot);
  if (failure === undefined) return;
  const agoMs = nowMs - failure.atMs;
  if (agoMs < 0 || agoMs >= RETRY_AFTER_MS) return;
  throw new Error(`${failure.reason} (found ${Math.floor(agoMs / 60_000)} minutes ago)`);
}

function contextOf({ env, onProgress, signal }: KernelOptions): FetchContext {
  const late = AbortSignal.timeout(WAIT_MS);
  return {
    env,
    onProgress: onProgress ?? (() => {}),
    signal: signal === undefined ? late : AbortSignal.any([signal, late]),
  };
}

function runtimeKernels(reason: string): RuntimeKernels {
  return { kernels: 'runtime', libraryPath: undefined, reason };
}
