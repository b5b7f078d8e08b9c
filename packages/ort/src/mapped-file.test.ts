import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mapFile } from './mapped-file.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ort-mapped-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('mapFile', () => {
  const file = path.join(folder, 'bytes.bin');
  const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251);
  writeFileSync(file, bytes);

  it('shows the bytes of the file', () => {
    const mapped = mapFile(file);
    expect(mapped.byteLength).toBe(10_000);
    expect(mapped.read(4_090, 20)).toEqual(bytes.slice(4_090, 4_110));
    expect(mapped.read(10_000, 0)).toEqual(new Uint8Array(0));
  });

  it('reads pages again that were dropped', () => {
    const mapped = mapFile(file);
    expect(mapped.read(0, 10_000)).toEqual(bytes);
    mapped.dropPages();
    expect(mapped.read(0, 10_000)).toEqual(bytes);
  });

  it('names what lies outside', () => {
    const mapped = mapFile(file);
    for (const [byteOffset, byteLength] of [
      [9_999, 2],
      [-1, 1],
      [0, -1],
      [Number.NaN, 1],
    ] as const) {
      expect(() => mapped.read(byteOffset, byteLength)).toThrow('which has 10000 bytes');
    }
  });

  it('takes an empty file', () => {
    const empty = path.join(folder, 'empty.bin');
    writeFileSync(empty, new Uint8Array(0));
    expect(mapFile(empty).read(0, 0)).toEqual(new Uint8Array(0));
  });

  it("gives the system's reason for a file that is not there", () => {
    expect(() => mapFile(path.join(folder, 'missing.bin'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
