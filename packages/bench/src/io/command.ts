import { spawn, spawnSync } from 'node:child_process';

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
    const child = spawn(command, args, { cwd: options.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const killOnExit = (): void => void child.kill('SIGKILL');
    process.on('exit', killOnExit);
    const read = (bytes: Buffer): void => {
      const text = bytes.toString('utf8');
      output = (output + text).slice(-outputCharactersKept);
      for (const line of text.split('\n')) if (line.trim()) options.onLine?.(line.trim());
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
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
