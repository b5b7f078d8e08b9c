import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findCommand, runCommand } from '../io/command.js';
import type { Progress } from '../io/progress.js';

/** The release of the Python package `llama-cpp-python` whose source archive carries llama.cpp. */
export const llamaCppPythonVersion = '0.3.36';

/** What is left out has no part in serving a model over plain HTTP: its web page, TLS, downloads, tests. */
const buildFlags = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DBUILD_SHARED_LIBS=OFF',
  '-DGGML_NATIVE=ON',
  '-DLLAMA_CURL=OFF',
  '-DLLAMA_OPENSSL=OFF',
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_BUILD_APP=OFF',
  '-DLLAMA_BUILD_UI=OFF',
  '-DLLAMA_USE_PREBUILT_UI=OFF',
  '-DLLAMA_BUILD_TOOLS=ON',
  '-DLLAMA_BUILD_SERVER=ON',
];

const programs = ['llama-server', 'llama-quantize'] as const;

export interface LlamaCpp {
  readonly version: string;
  readonly serverFile: string;
  readonly quantizeFile: string;
}

/**
 * The peer's programs, built for this CPU at the first call (about 10 minutes on 2 cores) and found again at the next.
 * A build that was cut goes on where it was.
 * @throws Error that says what is missing (pip, cmake, a C++ compiler), or with the end of the output that failed.
 */
export async function buildLlamaCpp(cacheFolder: string, progress: Progress): Promise<LlamaCpp> {
  const name = `llama.cpp-${llamaCppPythonVersion}`;
  const peersFolder = path.join(cacheFolder, 'peers');
  const folder = path.join(peersFolder, name);
  const stamp = JSON.stringify({ llamaCppPythonVersion, buildFlags, cpu: os.cpus()[0]?.model ?? 'unknown' }, null, 2);
  if (readIfThere(path.join(folder, 'stamp.json')) !== stamp) {
    const pip = findPip();
    requireCompiler();
    const workFolder = path.join(peersFolder, `${name}.building`);
    if (readIfThere(path.join(workFolder, 'stamp.json')) !== stamp) {
      rmSync(workFolder, { recursive: true, force: true });
      mkdirSync(workFolder, { recursive: true });
      await fetchSources(pip, workFolder, progress);
      writeFileSync(path.join(workFolder, 'stamp.json'), stamp);
    }
    await compile(workFolder, progress);
    install(workFolder, folder, stamp);
  }
  return {
    version: llamaCppPythonVersion,
    serverFile: path.join(folder, 'llama-server'),
    quantizeFile: path.join(folder, 'llama-quantize'),
  };
}

async function fetchSources(
  pip: readonly [string, ...string[]],
  workFolder: string,
  progress: Progress,
): Promise<void> {
  progress.stage(`llama.cpp: fetching the sources (llama-cpp-python ${llamaCppPythonVersion})`);
  const downloads = path.join(workFolder, 'download');
  const wanted = `llama-cpp-python==${llamaCppPythonVersion}`;
  const [command, ...first] = pip;
  await runCommand(command, [...first, 'download', '--no-binary', ':all:', '--no-deps', '-d', downloads, wanted], {
    onLine: progress.detail,
  });
  const archive = readdirSync(downloads).find((file) => file.endsWith('.tar.gz'));
  if (archive === undefined) throw new Error(`pip left no source archive of ${wanted}`);
  const source = path.join(workFolder, 'source');
  mkdirSync(source);
  await runCommand('tar', ['xzf', path.join(downloads, archive), '-C', source, '--strip-components=1']);
  rmSync(downloads, { recursive: true });
}

async function compile(workFolder: string, progress: Progress): Promise<void> {
  progress.stage('llama.cpp: building, once, about 10 minutes on 2 cores');
  const source = path.join(workFolder, 'source', 'vendor', 'llama.cpp');
  const build = path.join(workFolder, 'build');
  await runCommand('cmake', ['-S', source, '-B', build, ...buildFlags], { onLine: progress.detail });
  const jobs = String(os.availableParallelism());
  await runCommand('cmake', ['--build', build, '-j', jobs, '--target', ...programs], { onLine: progress.detail });
}

/** Keeps the programs only; a folder that exists is whole, because it comes into being by a rename. */
function install(workFolder: string, folder: string, stamp: string): void {
  const whole = path.join(workFolder, 'whole');
  rmSync(whole, { recursive: true, force: true });
  mkdirSync(whole);
  for (const program of programs) {
    cpSync(path.join(workFolder, 'build', 'bin', program), path.join(whole, program));
  }
  cpSync(path.join(workFolder, 'source', 'vendor', 'llama.cpp', 'LICENSE'), path.join(whole, 'LICENSE'));
  writeFileSync(path.join(whole, 'stamp.json'), stamp);
  rmSync(folder, { recursive: true, force: true });
  renameSync(whole, folder);
  rmSync(workFolder, { recursive: true, force: true });
}

function findPip(): readonly [string, ...string[]] {
  const python = findCommand('python3', 'python');
  if (python !== undefined) return [python, '-m', 'pip'];
  throw new Error(
    'building llama.cpp needs Python with pip, to fetch its sources; or leave it out with --subjects sluice',
  );
}

function requireCompiler(): void {
  const missing = [
    findCommand('cmake') === undefined ? 'cmake (pip install cmake brings it)' : [],
    findCommand('c++', 'g++', 'clang++') === undefined ? 'a C++ compiler (g++ or clang++)' : [],
    findCommand('make', 'gmake', 'ninja') === undefined ? 'make' : [],
  ].flat();
  if (missing.length > 0) {
    throw new Error(`building llama.cpp needs ${missing.join(' and ')}; or leave it out with --subjects sluice`);
  }
}

function readIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
