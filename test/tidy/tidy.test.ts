import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('tidy.mjs', import.meta.url));

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-tidy-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the checks on a tree of these files. */
function check(files: Readonly<Record<string, string>>) {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
  return { status, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
}

describe('tidy', () => {
  it('is content with a tree that keeps the rules', () => {
    const result = check({
      'packages/worker/src/engine/engine.ts':
        "import { assert } from '@sluice/shared';\n// Not Date.now(): the clock is given.\nclock.after(1, () => cache.fetch(1));\n",
      'packages/worker/src/io/clock.ts': 'export const nowMs = () => Date.now();\n',
      'packages/worker/src/engine/engine.test.ts': "import { mkdtempSync } from 'node:fs';\n",
      'packages/cli/src/main.ts': "import { startWorker } from '@sluice/worker';\nprocess.env.HOME;\n",
      'packages/worker/package.json': JSON.stringify({
        dependencies: { '@sluice/shared': 'workspace:*', undici: '7.30.2' },
      }),
      'test/x.test.ts': "import { Engine } from '../packages/worker/src/engine/engine.js';\n",
    });
    expect(result).toEqual({ status: 0, lines: [], stderr: '' });
  });

  it.each([
    ["import { x } from '@sluice/gateway';", 'package worker may not import gateway'],
    ["export * from '@sluice/gateway';", 'package worker may not import gateway'],
    ["const x = await import('@sluice/cli');", 'package worker may not import cli'],
    ["import { x } from '../../../gateway/src/x.js';", 'package worker may not import gateway'],
    ['const now = Date.now();', 'touches a clock outside io/: Date.now'],
    ['const now = performance.now();', 'touches a clock outside io/: performance.now'],
    ['setTimeout(f, 1);', 'touches a timer outside io/: setTimeout('],
    ['const x = Math.random();', 'touches randomness outside io/: Math.random'],
    ["import { readFileSync } from 'node:fs';", 'touches files outside io/'],
    ["import { readFile } from 'node:fs/promises';", 'touches files outside io/'],
    ["import net from 'node:net';", 'touches a socket outside io/'],
    ["import { request } from 'undici';", 'touches a socket outside io/'],
    ["await fetch('http://host');", 'touches a socket outside io/'],
    ['const home = process.env.HOME;', 'touches the environment outside io/: process.env'],
    ["import { fork } from 'node:child_process';", 'touches processes or threads outside io/'],
  ])('finds %s in a worker', (code, what) => {
    const result = check({ 'packages/worker/src/engine/engine.ts': `// fine\n${code}\n` });
    expect(result.lines).toHaveLength(1);
    expect(result.lines[0]).toContain(`packages/worker/src/engine/engine.ts:2: ${what}`);
    expect(result.status).toBe(1);
  });

  it('keeps proto, shared and ort free of each other', () => {
    const result = check({
      'packages/proto/src/a.ts': "import { x } from '@sluice/shared';\n",
      'packages/shared/src/a.ts': "import { x } from '@sluice/ort';\n",
      'packages/ort/src/a.ts': "import { x } from '@sluice/proto';\n",
    });
    expect(result.lines).toHaveLength(3);
  });

  it('finds a file that is too long', () => {
    const result = check({ 'packages/ort/src/a.ts': 'x;\n'.repeat(501) });
    expect(result.lines).toEqual(['packages/ort/src/a.ts:500: has 501 lines, at most 500']);
    expect(check({ 'packages/ort/src/a.ts': 'x;\n'.repeat(500) }).lines).toEqual([]);
  });

  it('finds a test that leaves out the others', () => {
    const result = check({ 'packages/ort/src/a.test.ts': "it.only('works', () => {});\n" });
    expect(result.lines).toEqual(['packages/ort/src/a.test.ts:1: leaves out every other test: it.only']);
  });

  it('finds paths of one machine and hosts of registries', () => {
    const result = check({
      'README.md': 'see /home/somebody/notes.md\n',
      'docs/a.md': `from https://${['registry', 'npmjs', 'org'].join('.')}/x\n`,
    });
    expect(result.lines).toEqual([
      'README.md:1: names a path of one machine: /home/somebody/',
      `docs/a.md:1: names a registry's host: ${['registry', 'npmjs'].join('.')}`,
    ]);
  });

  it('finds dependencies that are not pinned or point the wrong way', () => {
    const result = check({
      'packages/worker/package.json': JSON.stringify({
        dependencies: { '@sluice/gateway': 'workspace:*', undici: '^7.0.0' },
      }),
    });
    expect(result.lines).toEqual([
      'packages/worker/package.json:1: package worker may not depend on gateway',
      'packages/worker/package.json:1: undici ^7.0.0 must be pinned to one version',
    ]);
  });

  it('finds a package that has no rule', () => {
    const result = check({ 'packages/new/src/a.ts': 'export {};\n' });
    expect(result.lines).toEqual(['packages/new/src/a.ts:1: package new has no row in test/tidy/tidy.mjs']);
  });
});
