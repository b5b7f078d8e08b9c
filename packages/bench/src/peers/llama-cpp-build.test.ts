import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { buildLlamaCpp } from './llama-cpp-build.js';

const progress = { stage: () => undefined, detail: () => undefined, end: () => undefined };
const folder = mkdtempSync(path.join(os.tmpdir(), 'llama-cpp-build-'));

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('buildLlamaCpp', () => {
  it('says in one line what is missing, before it fetches anything', async () => {
    vi.stubEnv('PATH', folder);
    await expect(buildLlamaCpp(folder, progress)).rejects.toThrow(/^building llama.cpp needs Python with pip.*$/);
  });
});
