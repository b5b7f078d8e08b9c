import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { peerFolder } from './peer-folder.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'peer-folder-'));
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('peerFolder', () => {
  it('installs once', async () => {
    let installs = 0;
    const install = async (folder: string): Promise<void> => {
      installs += 1;
      writeFileSync(path.join(folder, 'program'), '');
    };
    const folder = await peerFolder('some-1.0', install, root);
    expect(await peerFolder('some-1.0', install, root)).toBe(folder);
    expect(installs).toBe(1);
    await peerFolder('some-1.1', install, root);
    expect(installs).toBe(2);
  });

  it('begins anew where an installation was cut', async () => {
    const cut = peerFolder(
      'some-1.0',
      async (folder) => {
        writeFileSync(path.join(folder, 'half'), '');
        throw new Error('no network');
      },
      root,
    );
    await expect(cut).rejects.toThrow('no network');
    const folder = await peerFolder('some-1.0', async () => undefined, root);
    expect(existsSync(path.join(folder, 'half'))).toBe(false);
  });
});
