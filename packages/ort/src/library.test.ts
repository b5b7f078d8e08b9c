import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import koffi from 'koffi';
import { afterAll, describe, expect, it } from 'vitest';
import { bundledLibraryPath, openLibrary } from './library.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ort-library-'));
afterAll(() => rmSync(folder, { recursive: true }));
const refusal = (message: string) =>
  expect.objectContaining({ code: 'not_loadable', message: expect.stringContaining(message) });

describe('bundledLibraryPath', () => {
  it.each([
    ['linux', 'x64', 'libonnxruntime.so.1'],
    ['linux', 'arm64', 'libonnxruntime.so.1'],
    ['darwin', 'arm64', 'libonnxruntime.1.dylib'],
    ['win32', 'x64', 'onnxruntime.dll'],
    ['win32', 'arm64', 'onnxruntime.dll'],
  ] as const)('finds the library for %s %s', (platform, architecture, fileName) => {
    expect(path.basename(bundledLibraryPath(platform, architecture))).toBe(fileName);
  });

  it('names the platform that there is none for', () => {
    expect(() => bundledLibraryPath('aix', 'ppc64')).toThrow(refusal('no library for aix ppc64'));
    expect(() => bundledLibraryPath('linux', 's390x')).toThrow(refusal('no library for linux s390x'));
  });
});

// The last test of the file: it uses up the one chance to configure Koffi in this process.
describe('openLibrary', () => {
  it('names a file that is not there', () => {
    expect(() => openLibrary(path.join(folder, 'missing.so'))).toThrow(refusal('missing.so'));
  });

  it('refuses to run on stacks that are too small', () => {
    koffi.load(null);
    const file = path.join(folder, 'broken.so');
    writeFileSync(file, 'not a library');
    expect(() => openLibrary(file)).toThrow(refusal('koffi was in use with stacks of 131072'));
  });
});
