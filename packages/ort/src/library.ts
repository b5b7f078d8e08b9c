import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { OrtError } from './ort-error.js';

/** Calls of the C API run on Koffi's stack, not on the thread's; kernels put panels of matrices there. */
const STACK_BYTES = 8 * 1024 * 1024;

/** A handle that is collected unloads its library, and the next call jumps into nothing: they are kept for ever. */
const handles = new Map<string | null, LibraryHandle>();

/** Loads a shared library once; null is the process itself. Throws `OrtError` (`not_loadable`) with the reason. */
export function openLibrary(libraryPath: string | null): LibraryHandle {
  const known = handles.get(libraryPath);
  if (known !== undefined) return known;
  if (libraryPath !== null && !existsSync(libraryPath)) {
    throw new OrtError('not_loadable', `there is no ONNX Runtime library at ${libraryPath}`);
  }
  reserveStacks();
  try {
    const handle = koffi.load(libraryPath);
    handles.set(libraryPath, handle);
    return handle;
  } catch (cause) {
    throw new OrtError('not_loadable', `${libraryPath} cannot be loaded: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Path of the library inside the installed `onnxruntime-node` package: linux x64 and arm64, darwin arm64, win32 x64 and
 * arm64. Throws `OrtError` (`not_loadable`) elsewhere.
 */
export function bundledLibraryPath(
  platform: NodeJS.Platform = process.platform,
  architecture: NodeJS.Architecture = process.arch,
): string {
  const packageFile = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const folder = path.join(path.dirname(packageFile), 'bin', 'napi-v6', platform, architecture);
  const fileNames: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'libonnxruntime.so.1',
    darwin: 'libonnxruntime.1.dylib',
    win32: 'onnxruntime.dll',
  };
  const fileName = fileNames[platform];
  const libraryPath = fileName === undefined ? undefined : path.join(folder, fileName);
  if (libraryPath === undefined || !existsSync(libraryPath)) {
    throw new OrtError(
      'not_loadable',
      `onnxruntime-node carries no library for ${platform} ${architecture}; give libraryPath to load another build`,
    );
  }
  return libraryPath;
}

/** Koffi takes its sizes only before its first library; later they are what somebody else chose. */
function reserveStacks(): void {
  const { async_stack_size = 0, sync_stack_size = 0 } = koffi.config();
  if (Math.min(async_stack_size, sync_stack_size) >= STACK_BYTES) return;
  try {
    koffi.config({ async_stack_size: STACK_BYTES, sync_stack_size: STACK_BYTES });
  } catch (cause) {
    throw new OrtError(
      'not_loadable',
      `koffi was in use with stacks of ${async_stack_size} and ${sync_stack_size} bytes before ONNX Runtime was loaded, ` +
        `which wants ${STACK_BYTES}: call loadRuntime first, or koffi.config({ async_stack_size, sync_stack_size })`,
      { cause },
    );
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
