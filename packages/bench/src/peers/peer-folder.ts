import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '@sluice/shared';

/**
 * A folder under `peers/` of the cache that `install` fills at the first call. It is filled where it stays, because some
 * installers write their own path into files; a stamp that is written last says that it is whole.
 * @throws what `install` throws; the folder is emptied and begun anew at the next call.
 */
export async function peerFolder(
  name: string,
  install: (folder: string) => Promise<void>,
  root: string = cacheFolder(),
): Promise<string> {
  const folder = path.join(root, 'peers', name);
  const stampFile = path.join(folder, 'stamp.json');
  const stamp = `${JSON.stringify({ name })}\n`;
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await install(folder);
  writeFileSync(stampFile, stamp);
  return folder;
}
