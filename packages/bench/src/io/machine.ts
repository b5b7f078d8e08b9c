import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

/** Where figures come from: they mean little on another machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Those instruction sets of the CPU that decide the speed of a model's arithmetic. */
  readonly cpuFeatures: readonly string[];
  readonly memoryMb: number;
  readonly platform: string;
  readonly node: string;
}

const tellingFeatures = ['avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_int8', 'asimddp', 'i8mm'];

export function describeMachine(): Machine {
  const flags = cpuFlags();
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    cpuFeatures: tellingFeatures.filter((feature) => flags.has(feature)),
    memoryMb: Math.round(os.totalmem() / 2 ** 20),
    platform: `${os.platform()} ${os.arch()}`,
    node: process.version,
  };
}

/** The commit that is measured, with `-dirty` behind it when files differ from it; `unknown` outside a repository. */
export function describeCommit(): string {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const git = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude', '*'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return git.status === 0 ? git.stdout.trim() : 'unknown';
}

function cpuFlags(): ReadonlySet<string> {
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return new Set(line?.[1]?.split(' '));
  } catch {
    return new Set();
  }
}
