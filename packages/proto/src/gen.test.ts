import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const fresh = mkdtempSync(path.join(tmpdir(), 'sluice-gen-'));

afterAll(() => rmSync(fresh, { recursive: true }));

describe('gen/', () => {
  it('is what the gen script makes of the .proto', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const [command, ...options] = scripts.gen.replace('src/gen', fresh).split(' ');
    execFileSync(path.join(root, 'node_modules/.bin', command), options, { cwd: root });
    expect(contentsOf(path.join(root, 'src/gen'))).toEqual(contentsOf(fresh));
  });
});

function contentsOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}
