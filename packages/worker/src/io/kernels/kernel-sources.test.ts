import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readKernelSources } from './kernel-sources.js';

let folder: string;
const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text);

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-sources-'));
  write('b.c', 'int b;');
  write('a.c', 'int a;');
  write('a.h', '#pragma once');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('readKernelSources', () => {
  it('finds the operators that the package comes with', async () => {
    const { units, sha256 } = await readKernelSources();
    expect(units.length).toBeGreaterThan(0);
    expect(units.every((name) => name.endsWith('.c'))).toBe(true);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives the same text the same hash, wherever it lies', async () => {
    const first = await readKernelSources(folder);
    expect(first.units).toEqual(['a.c', 'b.c']);
    write('notes.md', 'not compiled');
    const copy = path.join(folder, 'copy');
    cpSync(path.join(folder, 'a.c'), path.join(copy, 'a.c'));
    cpSync(path.join(folder, 'a.h'), path.join(copy, 'a.h'));
    cpSync(path.join(folder, 'b.c'), path.join(copy, 'b.c'));
    expect((await readKernelSources(copy)).sha256).toBe(first.sha256);
  });

  it.each([
    ['a unit', () => write('a.c', 'int A;')],
    ['a header', () => write('a.h', '#pragma twice')],
    ['a further file', () => write('c.c', '')],
    ['a name', () => renameSync(path.join(folder, 'b.c'), path.join(folder, 'c.c'))],
  ])('gives another hash when %s changes', async (_, change) => {
    const before = await readKernelSources(folder);
    change();
    expect((await readKernelSources(folder)).sha256).not.toBe(before.sha256);
  });

  it('says so where there is nothing to compile', async () => {
    for (const name of ['a.c', 'b.c']) rmSync(path.join(folder, name));
    await expect(readKernelSources(folder)).rejects.toThrow(`${folder} has no C files`);
  });
});
