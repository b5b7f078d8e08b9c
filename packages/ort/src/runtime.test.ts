import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundledLibraryPath } from './library.js';
import { loadRuntime, requireVersion } from './runtime.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ort-runtime-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadRuntime', () => {
  it('loads the library of onnxruntime-node, once', () => {
    const runtime = loadRuntime();
    expect(runtime.version).toMatch(/^1\.\d+\.\d+/);
    expect(runtime.availableProviders()).toContain('CPUExecutionProvider');
    expect(loadRuntime({ libraryPath: bundledLibraryPath() })).toBe(runtime);
  });

  it('says why a file cannot be loaded', () => {
    const libraryPath = path.join(folder, 'broken.so');
    writeFileSync(libraryPath, 'not a library');
    expect(() => loadRuntime({ libraryPath })).toThrow(
      expect.objectContaining({ code: 'not_loadable', message: expect.stringContaining(libraryPath) }),
    );
  });
});

describe('requireVersion', () => {
  it('names found and wanted version when they do not go together', () => {
    for (const version of ['1.23.2', '2.0.0', 'garbage']) {
      expect(() => requireVersion(version, 'libonnxruntime.so')).toThrow(
        `libonnxruntime.so is ONNX Runtime ${version}, wanted is 1.24 or a later 1.x`,
      );
    }
    requireVersion('1.24.0', 'libonnxruntime.so');
    requireVersion('1.30.1', 'libonnxruntime.so');
  });
});
