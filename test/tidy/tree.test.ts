import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a tool that comes with the workspace says of it; empty when it is content. */
function complaints(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

describe('The tree', () => {
  it('keeps the rules of test/tidy', () => {
    expect(complaints(['test/tidy/tidy.mjs'])).toBe('');
  });
  it('is formatted and passes the linter', () => {
    expect(complaints(['node_modules/@biomejs/biome/bin/biome', 'check', '--colors=off', '.'])).toBe('');
  }, 120_000);
  it('has tests that pass the compiler', () => {
    expect(complaints(['node_modules/typescript/bin/tsc', '-p', 'test', '--pretty', 'false'])).toBe('');
  }, 120_000);
});
