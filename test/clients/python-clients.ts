import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientServer } from './client-server.js';

const folder = fileURLToPath(new URL('python/', import.meta.url));
const installed = process.env.SLUICE_TEST_PYTHON_CLIENTS ?? '';

/** Why clients for Python cannot run here; `./sluice test` installs them. Undefined: they can. */
export const noPythonClients: string | undefined =
  process.env.SLUICE_TEST_NO_PYTHON_CLIENTS ??
  (existsSync(installed) ? undefined : 'there are no clients for Python; ./sluice test installs them');

/** Shows each test of a file in `python/` as a test here; the file is run once. */
export function pythonClient(title: string, file: string, server: () => ClientServer): void {
  describe(title, () => {
    const outcomes = new Map<string, string>();
    const names = [...readFileSync(folder + file, 'utf8').matchAll(/^ {4}(?:async )?def (test_\w+)/gm)];

    beforeEach(({ skip }) => skip(noPythonClients !== undefined, noPythonClients));
    beforeAll(async () => {
      if (noPythonClients !== undefined) return;
      for (const { name, problem } of await runFile(file, server())) outcomes.set(name, problem);
    });

    it.each(names.map(([, name = '']) => [name.slice('test_'.length).replaceAll('_', ' '), name]))('%s', (_, name) => {
      expect(outcomes.get(name) ?? 'it did not run').toBe('');
    });
  });
}

interface Outcome {
  readonly name: string;
  /** Empty for a test that passed. */
  readonly problem: string;
}

async function runFile(file: string, server: ClientServer): Promise<readonly Outcome[]> {
  const child = spawn('python3', ['-s', `${folder}run.py`, file], {
    env: {
      ...process.env,
      PYTHONPATH: installed,
      PYTHONUTF8: '1',
      PYTHONPYCACHEPREFIX: path.join(installed, 'compiled'),
      // Else it asks another host for prices.
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      SLUICE_URL: server.url,
      SLUICE_MODEL: server.model,
      SLUICE_KEY: server.key,
      SLUICE_RARE_KEY: server.rareKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const status = await new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  if (status !== 0) throw new Error(`${file} ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1)).outcomes;
}
