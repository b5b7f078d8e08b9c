import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The folders whose limits bind a control group, its own first: for root `r` and group `/a/b` `r/a/b`, `r/a`, `r`. */
export function controlGroupFolders(root: string, group: string): readonly string[] {
  const folders: string[] = [];
  for (let part = path.posix.normalize(group); part !== '/' && part !== '.'; part = path.posix.dirname(part)) {
    folders.push(root + part);
  }
  return [...folders, root];
}

/** A small file's text; undefined where it is not, or not for us. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
