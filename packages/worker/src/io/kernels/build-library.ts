import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { KernelSources } from './kernel-sources.js';

/** Everything that decides what comes out, but for sources, compiler and processor. */
export const compilerFlags: readonly string[] = [
  '-std=c17',
  '-O3',
  '-mcpu=native',
  // A product and a sum are rounded once only where the source says so.
  '-ffp-contract=off',
  '-fno-math-errno',
  // Else the larger one of two numbers takes three instructions.
  '-fno-honor-nans',
  '-fvisibility=hidden',
  ...['-shared', '-fPIC', '-nostdlib', '-ffreestanding', '-s'],
];

export interface BuildOptions {
  /** Path of `zig`. */
  readonly compiler: string;
  readonly target: string;
  readonly sources: KernelSources;
  /** Where the library goes. */
  readonly output: string;
  /** For what the compiler keeps; is made. */
  readonly scratchFolder: string;
  readonly signal: AbortSignal;
  /** How long the compiler may take; default 120 s, a hundred times of what it takes. */
  readonly waitMs?: number;
}

const WAIT_MS = 120_000;
/** What is kept of what the compiler says, from its beginning. */
const SAID_CHARS_MAX = 16_384;
const SAID_LINES = 5;
const LINE_CHARS_MAX = 160;

/**
 * Compiles the sources to a shared library for this machine's processor.
 * @throws Error with the first lines of what the compiler said, or saying that it took too long; the signal's reason.
 */
export async function buildLibrary(options: BuildOptions): Promise<void> {
  const { compiler, target, sources, output, scratchFolder, signal, waitMs = WAIT_MS } = options;
  await mkdir(scratchFolder, { recursive: true });
  const units = sources.units.map((name) => path.join(sources.folder, name));
  const isDarwin = target.includes('macos');
  const args = [
    'cc',
    ...['-target', target, ...compilerFlags],
    // What the compiler makes calls of (memset) is in the process that loads the library.
    ...(isDarwin ? ['-Wl,-undefined,dynamic_lookup'] : []),
    ...[...units, '-o', output],
  ];
  const env = {
    PATH: process.env.PATH,
    HOME: scratchFolder,
    TMPDIR: scratchFolder,
    ZIG_GLOBAL_CACHE_DIR: path.join(scratchFolder, 'global'),
    ZIG_LOCAL_CACHE_DIR: path.join(scratchFolder, 'local'),
  };
  const { code, said, isLate } = await runInGroup(compiler, args, env, scratchFolder, signal, waitMs);
  if (isLate) throw new Error(`the compiler took more than ${waitMs / 1000} s`);
  if (code !== 0) throw new Error(`the compiler failed with status ${code}: ${firstLines(said)}`);
}

interface Outcome {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly said: string;
  readonly isLate: boolean;
}

/** The compiler starts processes of its own: in a group, they end with it. */
function runInGroup(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  signal: AbortSignal,
  waitMs: number,
): Promise<Outcome> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    const killGroup = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup();
    }, waitMs);
    signal.addEventListener('abort', killGroup, { once: true });
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', killGroup);
    };
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, SAID_CHARS_MAX);
    });
    child.once('error', (error) => {
      stop();
      reject(error);
    });
    child.once('close', (code) => {
      stop();
      if (signal.aborted) reject(signal.reason);
      else resolve({ code, said, isLate });
    });
  });
}

function firstLines(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0
    ? 'it said nothing'
    : lines
        .slice(0, SAID_LINES)
        .map((line) => line.slice(0, LINE_CHARS_MAX))
        .join('\n');
}
