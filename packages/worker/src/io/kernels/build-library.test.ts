import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildLibrary } from './build-library.js';

// What stands between us and a compiler, with shell scripts in its place; test/e2e has the compiler.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-build-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** @param script of a compiler; its last argument is the path of the output. */
function build(script: string, given: { readonly waitMs?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
  const compiler = path.join(folder, 'zig');
  writeFileSync(compiler, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  return buildLibrary({
    compiler,
    target: 'x86_64-linux-none',
    sources: { folder: '/native', units: ['a.c', 'b.c'], sha256: '' },
    output: path.join(folder, 'out.so'),
    scratchFolder: path.join(folder, 'scratch'),
    signal: new AbortController().signal,
    ...given,
  });
}

describe('buildLibrary', () => {
  it('compiles all units to one library, with what the compiler keeps in the folder that is given', async () => {
    await build(`printf '%s ' "$@" >"\${@: -1}"; touch $ZIG_LOCAL_CACHE_DIR.seen $ZIG_GLOBAL_CACHE_DIR.seen`);
    const words = readFileSync(path.join(folder, 'out.so'), 'utf8').trim().split(' ');
    expect(words.slice(0, 3)).toEqual(['cc', '-target', 'x86_64-linux-none']);
    expect(words.slice(-4)).toEqual(['/native/a.c', '/native/b.c', '-o', path.join(folder, 'out.so')]);
    expect(existsSync(path.join(folder, 'scratch', 'local.seen'))).toBe(true);
    expect(existsSync(path.join(folder, 'scratch', 'global.seen'))).toBe(true);
  });

  it('repeats the first lines of what the compiler says', async () => {
    await expect(build('for i in 1 2 3 4 5 6 7; do echo "a.c:$i: error" >&2; done; exit 3')).rejects.toThrow(
      /^the compiler failed with status 3: a\.c:1: error\n(a\.c:\d: error\n){3}a\.c:5: error$/,
    );
    await expect(build('exit 1')).rejects.toThrow('the compiler failed with status 1: it said nothing');
    await expect(build('head -c 1000000 /dev/zero | tr "\\0" x >&2; exit 1')).rejects.toThrow(/: x{160}$/);
  });

  it('ends a compiler that takes too long, and what it has started', async () => {
    // The one in the background would keep the pipe open, and this waiting.
    await expect(build('sleep 600 & sleep 600', { waitMs: 50 })).rejects.toThrow('the compiler took more than 0.05 s');
  });

  it('ends it when it is told to', async () => {
    const controller = new AbortController();
    const building = build('sleep 600 & sleep 600', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
    await expect(build('exit 0', { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('says so when there is none', async () => {
    await expect(
      buildLibrary({
        compiler: path.join(folder, 'missing'),
        target: 'x86_64-linux-none',
        sources: { folder, units: [], sha256: '' },
        output: path.join(folder, 'out.so'),
        scratchFolder: path.join(folder, 'scratch'),
        signal: new AbortController().signal,
      }),
    ).rejects.toThrow('ENOENT');
  });
});
