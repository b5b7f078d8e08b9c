import { type FileHandle, open } from 'node:fs/promises';
import { ServingError } from '@sluice/shared';
import type { ByteSource } from '../../model/gguf/byte-source.js';
import { type GgufFile, readGguf } from '../../model/gguf/gguf-file.js';

/** One `read` of the operating system gives at most 2 GiB. */
const readBytesMax = 2 ** 30;

/**
 * Opens a GGUF file and reads its header; close it when done.
 * @throws ServingError 'model_unusable' naming the file and what is wrong: missing, no GGUF, cut short, corrupt.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  return readGguf(await openSource(path));
}

async function openSource(path: string): Promise<ByteSource> {
  try {
    const handle = await open(path, 'r');
    const status = await handle.stat();
    if (!status.isFile()) {
      await handle.close();
      throw new ServingError('model_unusable', `${path} is not a file`);
    }
    return {
      name: path,
      byteCount: status.size,
      read: (offset, count) => readExactly(handle, path, offset, count),
      close: () => handle.close(),
    };
  } catch (thrown) {
    if (thrown instanceof ServingError) throw thrown;
    throw new ServingError('model_unusable', `${path} cannot be opened: ${reasonOf(thrown)}`, { cause: thrown });
  }
}

async function readExactly(
  handle: FileHandle,
  path: string,
  offset: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  let done = 0;
  while (done < count) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(count - done, readBytesMax), offset + done);
    if (bytesRead === 0) {
      throw new ServingError('model_unusable', `${path} ended at byte ${offset + done} while it was read`);
    }
    done += bytesRead;
  }
  return bytes;
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
