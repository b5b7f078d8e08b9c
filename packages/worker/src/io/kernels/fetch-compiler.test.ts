import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FetchContext, FetchProgress } from '../models/fetch-progress.js';
import { fetchCompiler } from './fetch-compiler.js';
import { fakeCompiler } from './test-compiler.js';

// pip itself may have to wait for a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const hasPip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-compiler-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const contextOf = (env: NodeJS.ProcessEnv, onProgress: FetchContext['onProgress'] = () => {}): FetchContext => ({
  env,
  onProgress,
  signal: new AbortController().signal,
});

describe.skipIf(!hasPip)('fetchCompiler (needs python3 with pip)', () => {
  it('unpacks what the compiler opens, ready to be run, and nothing else', async () => {
    const { wheel, env } = fakeCompiler(folder, 'echo ready');
    const phases: FetchProgress['phase'][] = [];
    const target = path.join(folder, 'compiler');
    const program = await fetchCompiler(
      wheel,
      target,
      contextOf(env, ({ phase }) => phases.push(phase)),
    );
    expect(spawnSync(program, { encoding: 'utf8' }).stdout).toBe('ready\n');
    const files = readdirSync(target, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => statSync(path.join(target, file)).isFile()).toSorted()).toEqual([
      'ziglang/lib/include/deep/er.h',
      'ziglang/lib/include/stdint.h',
      'ziglang/lib/std/std.zig',
      'ziglang/zig',
    ]);
    expect(files).not.toContain('wheel');
    expect(phases).toContain('unpack');
  });

  it('refuses a wheel that is not the one that was pinned', async () => {
    const { wheel, env } = fakeCompiler(folder, 'echo ready');
    const other = { ...wheel, sha256: '0'.repeat(64) };
    await expect(fetchCompiler(other, path.join(folder, 'compiler'), contextOf(env))).rejects.toThrow(
      `sluice-zig 1.0 came with the SHA-256 ${wheel.sha256} instead of ${other.sha256}`,
    );
  });

  it('gives the reason that pip gives', async () => {
    const { wheel, env } = fakeCompiler(folder, '');
    const wanted = { ...wheel, version: '2.0' };
    await expect(fetchCompiler(wanted, path.join(folder, 'compiler'), contextOf(env))).rejects.toThrow(
      /^pip failed with status 1 \(ERROR: No matching distribution found for sluice-zig==2\.0\)$/,
    );
  });
});
