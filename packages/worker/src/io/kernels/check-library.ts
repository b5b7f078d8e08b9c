import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface CheckOptions {
  readonly signal: AbortSignal;
  /** Milliseconds for all of it; default 60,000, fifty times of what it takes. */
  readonly waitMs?: number;
  /** The program that checks; default: the compiled check-main. */
  readonly main?: string;
}

const WAIT_MS = 60_000;
/** What is kept of what the check says, up to its end. */
const SAID_CHARS_MAX = 16_384;

/**
 * Has a process of its own check whether the operators of a library compute what they are defined to: a library that is
 * wrong may take its process along.
 * @throws Error saying what is wrong with the library; the signal's reason.
 */
export function checkLibrary(libraryPath: string, options: CheckOptions): Promise<void> {
  const { signal, waitMs = WAIT_MS, main = checkMain() } = options;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, libraryPath], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: waitMs,
      killSignal: 'SIGKILL',
      signal,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_CHARS_MAX);
    });
    child.once('error', (error) => reject(signal.aborted ? signal.reason : error));
    child.once('close', (code, ending) => {
      if (code === 0) resolve();
      else if (signal.aborted) reject(signal.reason);
      else if (ending === 'SIGKILL') reject(new Error(`the check took more than ${waitMs / 1000} s`));
      else if (ending !== null) reject(new Error(`the check was ended by ${ending}`));
      else reject(new Error(`the check failed: ${lastLine(said)}`));
    });
  });
}

/** The program as it was built, also where this file runs from its source. */
function checkMain(): string {
  const built = new URL('./check-main.js', import.meta.url);
  return fileURLToPath(existsSync(built) ? built : new URL('../../../dist/io/kernels/check-main.js', import.meta.url));
}

function lastLine(said: string): string {
  return said.trimEnd().split('\n').at(-1)?.slice(0, 500) || 'it said nothing';
}
