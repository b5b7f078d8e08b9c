import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SourceError } from './source-error.js';
import { buildZip, type ZipEntry } from './zip-builder.js';
import { unpackMember, unpackMembers } from './zip-member.js';

const content = Buffer.from('a model, more or less. '.repeat(5000));
const entries: readonly ZipEntry[] = [
  { name: 'first.txt', bytes: Buffer.from('first') },
  { name: 'folder/packed.gguf', bytes: content },
  { name: 'folder/stored.gguf', bytes: content, isDeflated: false },
  { name: 'empty', bytes: Buffer.alloc(0), isDeflated: false },
];
const zip = buildZip(entries);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-zip-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('unpackMember', () => {
  it.each([
    ['a deflated member', 'folder/packed.gguf', content],
    ['a stored member', 'folder/stored.gguf', content],
    ['an empty member', 'empty', Buffer.alloc(0)],
  ])('writes %s', async (_, name, wanted) => {
    expect((await unpack(zip, name)).equals(wanted)).toBe(true);
  });

  it('finds the directory in front of a comment', async () => {
    const commented = buildZip([{ name: 'a', bytes: content }], 'made by hand '.repeat(100));
    expect((await unpack(commented, 'a')).equals(content)).toBe(true);
  });

  it('reports every byte', async () => {
    let last: readonly number[] = [];
    await unpack(zip, 'folder/packed.gguf', (...progress) => {
      last = progress;
    });
    expect(last).toEqual([content.length, content.length]);
  });

  it.each([
    ['a member that is not there', zip, 'nope', 'has no member nope'],
    ['something else', Buffer.from('<html>'), 'a', 'not a whole zip file'],
    ['nothing', Buffer.alloc(0), 'a', 'not a whole zip file'],
    ['a zip file that is cut short', zip.subarray(0, zip.length - 30), 'a', 'not a whole zip file'],
  ])('says what is wrong with %s', async (_, bytes, name, message) => {
    await expect(unpack(bytes, name)).rejects.toThrow(message);
  });

  it('ends for every damage, and never writes more than the member has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(zip.length - 1), fc.integer({ min: 1, max: 255 }), async (offset, mask) => {
        const damaged = Buffer.from(zip);
        damaged[offset]! ^= mask;
        try {
          await unpack(damaged, 'folder/packed.gguf');
        } catch (thrown) {
          if (!(thrown instanceof SourceError)) throw thrown;
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('unpackMembers', () => {
  it('writes those that get a path, in folders that it makes, and counts their bytes together', async () => {
    const zipPath = path.join(folder, 'several.zip');
    const target = path.join(folder, 'several');
    writeFileSync(zipPath, buildZip([...entries, { name: 'folder/', bytes: Buffer.alloc(0), isDeflated: false }]));
    const reports: number[] = [];
    const count = await unpackMembers(
      zipPath,
      (name) => (name.startsWith('folder/') ? path.join(target, name) : undefined),
      { signal: new AbortController().signal, onProgress: (done, total) => reports.push(done / total) },
    );
    expect(count).toBe(2);
    expect(readdirSync(target)).toEqual(['folder']);
    expect(readdirSync(path.join(target, 'folder')).toSorted()).toEqual(['packed.gguf', 'stored.gguf']);
    expect(readFileSync(path.join(target, 'folder', 'stored.gguf')).equals(content)).toBe(true);
    expect(reports.at(-1)).toBe(1);
    expect(reports).toEqual(reports.toSorted((a, b) => a - b));
  });
});

async function unpack(
  bytes: Buffer,
  name: string,
  onProgress: (bytesDone: number, bytesTotal: number) => void = () => {},
): Promise<Buffer> {
  const zipPath = path.join(folder, 'a.zip');
  const target = path.join(folder, 'target');
  writeFileSync(zipPath, bytes);
  await unpackMember(zipPath, name, target, { signal: new AbortController().signal, onProgress });
  return readFileSync(target);
}
