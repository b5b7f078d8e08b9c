import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SourceError } from './source-error.js';

/** Signatures and fixed lengths of a zip file's records: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16. */
const endRecord = { signature: 0x06054b50, byteCount: 22 };
const entryRecord = { signature: 0x02014b50, byteCount: 46 };
const localRecord = { signature: 0x04034b50, byteCount: 30 };
const commentBytesMax = 0xffff;
const directoryBytesMax = 64 * 2 ** 20;
const stored = 0;
const deflated = 8;

interface Member {
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly localOffset: number;
}

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** Bytes written so far and in all. */
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
}

/**
 * Writes one member of a zip file to `target`, in one pass and without holding it in memory. Stored and deflated members
 * of files below 4 GiB; the zip's own CRC is not checked, a caller with a better checksum checks that.
 * @throws SourceError for a member that is missing or a file that is no such zip; what the file system throws.
 */
export async function unpackMember(
  zipPath: string,
  memberName: string,
  target: string,
  options: UnpackOptions,
): Promise<void> {
  const unpacked = await unpackMembers(zipPath, (name) => (name === memberName ? target : undefined), options);
  if (unpacked === 0) throw new SourceError(`the zip file has no member ${memberName}`);
}

/**
 * The same for all members that `targetOf` gives a path for, one after the other, into folders that are made as they are
 * needed. Returns how many they were.
 * @param targetOf where a member of that name goes; undefined: nowhere. What an archive says is not to be trusted, so names
 * of unknown archives must not become parts of paths.
 */
export async function unpackMembers(
  zipPath: string,
  targetOf: (memberName: string) => string | undefined,
  options: UnpackOptions,
): Promise<number> {
  const handle = await open(zipPath, 'r');
  try {
    const wanted = [...membersOf(await readDirectory(handle))].flatMap(({ name, member }) => {
      const target = targetOf(name);
      return target === undefined || name.endsWith('/') ? [] : [{ member, target }];
    });
    const bytesTotal = wanted.reduce((sum, { member }) => sum + member.bytes, 0);
    let bytesBefore = 0;
    for (const { member, target } of wanted) {
      const reported = bytesBefore;
      await mkdir(path.dirname(target), { recursive: true });
      const start = await dataOffset(handle, member);
      // A stream of its own: those of one handle all stay its listeners.
      const packed =
        member.packedBytes === 0
          ? Readable.from([])
          : createReadStream(zipPath, { start, end: start + member.packedBytes - 1 });
      await writeMember(member, packed, target, options.signal, (bytes) =>
        options.onProgress(reported + bytes, bytesTotal),
      );
      bytesBefore += member.bytes;
    }
    return wanted.length;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('Z_')) {
      throw new SourceError(`the zip file is damaged (${thrown.message})`, { cause: thrown });
    }
    throw thrown;
  } finally {
    await handle.close();
  }
}

async function writeMember(
  member: Member,
  packed: Readable,
  target: string,
  signal: AbortSignal,
  onBytes: (bytesDone: number) => void,
): Promise<void> {
  const unpack = member.method === deflated ? createInflateRaw({ chunkSize: 2 ** 18 }) : new PassThrough();
  await pipeline(packed, unpack, meteredTo(member.bytes, onBytes), createWriteStream(target), { signal });
}

async function readDirectory(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat();
  const tail = await readAt(handle, Math.max(0, size - endRecord.byteCount - commentBytesMax), size);
  const at = lastIndexOfWord(tail, endRecord.signature);
  if (at < 0 || at + endRecord.byteCount > tail.length) throw new SourceError('the file is not a whole zip file');
  const directoryBytes = tail.readUInt32LE(at + 12);
  const directoryOffset = tail.readUInt32LE(at + 16);
  if (directoryOffset + directoryBytes > size || directoryBytes > directoryBytesMax) {
    throw new SourceError('the zip file has a directory that cannot be read');
  }
  return readAt(handle, directoryOffset, directoryOffset + directoryBytes);
}

function* membersOf(directory: Buffer): Generator<{ readonly name: string; readonly member: Member }> {
  let at = 0;
  while (at + entryRecord.byteCount <= directory.length && directory.readUInt32LE(at) === entryRecord.signature) {
    const nameEnd = at + entryRecord.byteCount + directory.readUInt16LE(at + 28);
    const member = {
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      localOffset: directory.readUInt32LE(at + 42),
    };
    yield { name: directory.toString('utf8', at + entryRecord.byteCount, nameEnd), member };
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
}

/** Where the member's bytes begin: behind its local record, whose variable parts may differ from the directory's. */
async function dataOffset(handle: FileHandle, member: Member): Promise<number> {
  if (member.method !== stored && member.method !== deflated) {
    throw new SourceError(`the zip file packs its member with method ${member.method}; only 0 and 8 can be read`);
  }
  const { size } = await handle.stat();
  const record = await readAt(handle, member.localOffset, member.localOffset + localRecord.byteCount);
  if (record.length < localRecord.byteCount || record.readUInt32LE(0) !== localRecord.signature) {
    throw new SourceError('the zip file is damaged (a member is not where its directory says)');
  }
  const offset = member.localOffset + localRecord.byteCount + record.readUInt16LE(26) + record.readUInt16LE(28);
  if (offset + member.packedBytes > size) throw new SourceError('the zip file is cut short');
  return offset;
}

/** Passes on exactly `bytesTotal` bytes, so that a damaged file can neither be taken for whole nor fill the disk. */
function meteredTo(bytesTotal: number, onBytes: (bytesDone: number) => void): Transform {
  let bytesDone = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      bytesDone += chunk.length;
      if (bytesDone > bytesTotal) {
        callback(new SourceError(`the zip file's member is longer than its ${bytesTotal} bytes`));
        return;
      }
      onBytes(bytesDone);
      callback(null, chunk);
    },
    flush(callback: TransformCallback) {
      callback(
        bytesDone === bytesTotal
          ? null
          : new SourceError(`the zip file's member ends at byte ${bytesDone} of ${bytesTotal}`),
      );
    },
  });
}

async function readAt(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from);
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function lastIndexOfWord(buffer: Buffer, word: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(word);
  return buffer.lastIndexOf(bytes);
}
