import { chmod, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { verifyFile } from '../models/cache-slot.js';
import type { FetchContext } from '../models/fetch-progress.js';
import { SourceError } from '../models/source-error.js';
import { downloadWheel } from '../models/wheel.js';
import { unpackMembers } from '../models/zip-member.js';
import type { CompilerWheel } from './compiler-wheels.js';

const program = 'ziglang/zig';
/**
 * Of 19,540 files those that `zig cc` opens for C without a C library: itself, clang's own headers, what it knows its folder
 * by, and what a library for macOS is linked against. Nearly all of their 190 MB is the program.
 */
const members = [program, 'ziglang/lib/include/', 'ziglang/lib/std/std.zig', 'ziglang/lib/libc/darwin/'];

/**
 * Fetches the compiler into a folder, which is made, and gives the program's path. The wheel itself is gone again.
 * @throws SourceError saying why it cannot be had; what the file system throws. What came until then stays in the folder.
 */
export async function fetchCompiler(wheel: CompilerWheel, folder: string, context: FetchContext): Promise<string> {
  const what = `${wheel.package} ${wheel.version}`;
  const download = path.join(folder, 'wheel');
  await mkdir(download, { recursive: true });
  const wheelPath = await downloadWheel(wheel, download, context);
  await verifyFile(what, wheelPath, wheel, context);
  const unpacked = await unpackMembers(
    wheelPath,
    (name) => (members.some((member) => isWithin(name, member)) ? path.join(folder, name) : undefined),
    {
      signal: context.signal,
      onProgress: (bytesDone, bytesTotal) => context.onProgress({ phase: 'unpack', what, bytesDone, bytesTotal }),
    },
  );
  if (unpacked === 0) throw new SourceError(`${what} has none of the files of a compiler`);
  await rm(download, { recursive: true });
  // Zip files of wheels say nothing of who may run what.
  await chmod(path.join(folder, program), 0o755);
  return path.join(folder, program);
}

/** Whether a member's name is that of a file, or in that of a folder. */
function isWithin(name: string, member: string): boolean {
  return member.endsWith('/') ? name.startsWith(member) : name === member;
}
