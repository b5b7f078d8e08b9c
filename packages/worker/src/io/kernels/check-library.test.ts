import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundledLibraryPath } from '@sluice/ort';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkLibrary } from './check-library.js';

// Processes may have to wait for a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-check-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const signal = new AbortController().signal;

/** A program that checks, in the place of ours. */
function main(text: string): string {
  const file = path.join(folder, 'main.mjs');
  writeFileSync(file, text);
  return file;
}

describe('checkLibrary', () => {
  it('finds a library without operators, and one that is none', async () => {
    await expect(checkLibrary(bundledLibraryPath(), { signal })).rejects.toThrow(
      /^the check failed: .*RegisterCustomOps/,
    );
    const text = path.join(folder, 'text.so');
    writeFileSync(text, 'no library');
    await expect(checkLibrary(text, { signal })).rejects.toThrow(/^the check failed: .*text\.so/);
  });

  it('outlives a check that dies, hangs or says nothing', async () => {
    const dies = main("process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000);");
    await expect(checkLibrary('x', { signal, main: dies })).rejects.toThrow('the check was ended by SIGSEGV');
    const hangs = main('for (;;);');
    await expect(checkLibrary('x', { signal, main: hangs, waitMs: 50 })).rejects.toThrow('more than 0.05 s');
    const silent = main('process.exitCode = 1;');
    await expect(checkLibrary('x', { signal, main: silent })).rejects.toThrow('the check failed: it said nothing');
  });

  it('gives the path on, and is content with status 0', async () => {
    await checkLibrary('x.so', { signal, main: main("process.exitCode = process.argv[2] === 'x.so' ? 0 : 1;") });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const checking = checkLibrary('x', { signal: controller.signal, main: main('for (;;);') });
    controller.abort(new Error('enough'));
    await expect(checking).rejects.toThrow('enough');
  });
});
