import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildZip } from '../models/zip-builder.js';
import type { CompilerWheel } from './compiler-wheels.js';

/** For tests: a wheel whose compiler is a shell script, in a folder that pip takes for a registry. */
export function fakeCompiler(folder: string, script: string): { wheel: CompilerWheel; env: NodeJS.ProcessEnv } {
  const metadata = 'Metadata-Version: 2.1\nName: sluice-zig\nVersion: 1.0\n';
  const bytes = buildZip([
    { name: 'ziglang/zig', bytes: Buffer.from(`#!/bin/bash\n${script}\n`) },
    { name: 'ziglang/lib/include/stdint.h', bytes: Buffer.from('#pragma once') },
    { name: 'ziglang/lib/include/deep/er.h', bytes: Buffer.from('#pragma once') },
    { name: 'ziglang/lib/std/std.zig', bytes: Buffer.from('//') },
    { name: 'ziglang/lib/std/other.zig', bytes: Buffer.from('//') },
    { name: 'ziglang/lib/libc/musl/large.c', bytes: Buffer.from('//') },
    { name: 'sluice_zig-1.0.dist-info/METADATA', bytes: Buffer.from(metadata) },
    { name: 'sluice_zig-1.0.dist-info/WHEEL', bytes: Buffer.from('Wheel-Version: 1.0\nTag: py3-none-any\n') },
    { name: 'sluice_zig-1.0.dist-info/RECORD', bytes: Buffer.from('') },
  ]);
  writeFileSync(path.join(folder, 'sluice_zig-1.0-py3-none-any.whl'), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    wheel: { package: 'sluice-zig', version: '1.0', wheelBytes: bytes.length, sha256, target: 'x86_64-linux-none' },
    env: { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder, PIP_CONFIG_FILE: os.devNull },
  };
}
