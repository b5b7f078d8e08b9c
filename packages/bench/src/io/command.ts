import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

const outputCharactersKept = 4_000;

/**
 * Runs a program to its end, its output given line by line.
 * @throws Error that names the program, with the end of its output, when it cannot be started or fails.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly folder?: string; readonly onLine?: (line: string) => void } = {},
): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    // A group of its own: a build is a tree of processes, and all of it goes when the benchmark is ended.
    const child = spawn(command, args, { cwd: options.folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const killOnExit = (): void => void (child.pid && process.kill(-child.pid, 'SIGKILL'));
    process.on('exit', killOnExit);
    const read = (line: string): void => {
      output = `${output}${line}\n`.slice(-outputCharactersKept);
      if (line.trim()) options.onLine?.(line.trim());
    };
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
    child.once('error', (error) => {
      process.off('exit', killOnExit);
      reject(new Error(`${command} cannot be run: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      process.off('exit', killOnExit);
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args[0] ?? ''} failed (${code ?? signal}):\n${output.trimEnd()}`));
    });
  });
}

/** The first of `commands` that starts and answers `--version`. */
export function findCommand(...commands: readonly string[]): string | undefined {
  return commands.find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0);
}
