import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCodeOf } from './source-error.js';

/** The holder touches its lock this often; one that was not touched for `abandonedMs` belongs to nobody. */
const heartbeatMs = 5000;
const abandonedMs = 30_000;
const pollMs = 100;

export interface LockOptions {
  /** Called again and again while somebody else holds the lock. */
  readonly onWait: () => void;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` while no other process (nor another call in this one) that names the same lock file does. A lock whose
 * process is gone is taken over; on another machine's lock that is judged by its heartbeat. Should two processes ever
 * take over the same lock at once, both work: the caller's writes must bear that.
 * @throws what `work` throws, what the file system does, or the signal's reason.
 */
export async function withLock<T>(lockPath: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const mark = JSON.stringify({ host: os.hostname(), pid: process.pid, id: randomUUID() });
  while (!(await tryCreate(lockPath, mark))) {
    if (await removeIfAbandoned(lockPath)) continue;
    options.onWait();
    await sleep(pollMs, undefined, { signal: options.signal });
  }
  const heartbeat = setInterval(() => {
    const now = Date.now() / 1000;
    utimes(lockPath, now, now).catch(() => {});
  }, heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if ((await contentOf(lockPath)) === mark) await rm(lockPath, { force: true });
  }
}

async function tryCreate(lockPath: string, mark: string): Promise<boolean> {
  try {
    await writeFile(lockPath, mark, { flag: 'wx' });
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EEXIST') return false;
    // A full disk lets an empty file be made and then refuses its content.
    await rm(lockPath, { force: true });
    throw thrown;
  }
}

/** True when the lock is gone and can be tried for again. */
async function removeIfAbandoned(lockPath: string): Promise<boolean> {
  const judged = await contentOf(lockPath);
  if (judged === undefined) return true;
  if (!(await isAbandoned(lockPath, judged))) return false;
  // Moved aside first: between the judgement and here somebody else may have taken it over, and theirs is put back.
  const aside = `${lockPath}.${randomUUID()}`;
  try {
    await rename(lockPath, aside);
  } catch {
    return true;
  }
  if ((await contentOf(aside)) !== judged) await link(aside, lockPath).catch(() => {});
  await rm(aside, { force: true });
  return true;
}

async function isAbandoned(lockPath: string, content: string): Promise<boolean> {
  const holder = parseHolder(content);
  if (holder?.host === os.hostname() && !isAlive(holder.pid)) return true;
  try {
    return Date.now() - (await stat(lockPath)).mtimeMs > abandonedMs;
  } catch {
    return false;
  }
}

function parseHolder(content: string): { readonly host: string; readonly pid: number } | undefined {
  try {
    const { host, pid } = JSON.parse(content) as { readonly host?: unknown; readonly pid?: unknown };
    return typeof host === 'string' && typeof pid === 'number' && Number.isInteger(pid) && pid > 0
      ? { host, pid }
      : undefined;
  } catch {
    // Not written to its end yet, or not by us.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === 'EPERM';
  }
}

async function contentOf(lockPath: string): Promise<string | undefined> {
  try {
    return await readFile(lockPath, 'utf8');
  } catch {
    return undefined;
  }
}
