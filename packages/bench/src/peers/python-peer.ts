import path from 'node:path';
import { findCommand, runCommand } from '../io/command.js';
import type { Progress } from '../io/progress.js';
import { peerFolder } from './peer-folder.js';

export interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /** Comma-separated, as in `name[extras]`. */
  readonly extras?: string;
}

/**
 * Installs a package of the Python index into an environment of its own, in the cache. Resolves with the folder of its
 * programs.
 * @throws Error that says what is missing, or with the end of the output that failed.
 */
export async function installPythonPeer({ name, version, extras }: PythonPackage, progress: Progress): Promise<string> {
  const folder = await peerFolder(`${name}-${version}`, async (environment) => {
    progress.stage(`${name}: installing ${version}, once`);
    const python = findCommand('python3', 'python');
    if (python === undefined) throw new Error(`installing ${name} needs Python 3 with venv and pip`);
    await runCommand(python, ['-m', 'venv', environment], { onLine: progress.detail });
    const wanted = `${name}${extras === undefined ? '' : `[${extras}]`}==${version}`;
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--prefer-binary', wanted];
    await runCommand(path.join(environment, 'bin', 'python'), pip, { onLine: progress.detail });
  });
  return path.join(folder, 'bin');
}
