import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SluiceProcess } from './up-server.js';

// The command as a whole, as far as it goes without a model.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 60_000 });

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-command-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function run(args: readonly string[]) {
  const command = new SluiceProcess(args, { SLUICE_CACHE: folder });
  const { status } = await command.exited;
  return { status, stdout: command.stdout, stderr: command.stderr };
}

describe('The command line', () => {
  it.each([
    [['up', '--port', '70000'], 'sluice: --port 70000 must be a whole number from 0 to 65535\n'],
    [['up', '--workers', '0'], 'sluice: --workers 0 must be a whole number from 1 to 64\n'],
    [['up', '--weights', 'q5'], 'sluice: --weights q5 must be one of auto, w8a8, q8, q4, f32\n'],
    [['worker', '--threads', '1.5'], 'sluice: --threads 1.5 must be a whole number from 1 to 1024\n'],
    [
      ['gateway'],
      'sluice: --worker must be given at least once, like grpc://127.0.0.1:9000 or http://127.0.0.1:8080, or --worker-dns or --redis\n',
    ],
    [
      ['gateway', '--redis', 'redis://h:0'],
      'sluice: --redis redis://h:0 names "h:0", which must be a host, or host:port with a port from 1 to 65535\n',
    ],
    [
      ['worker', '--redis', 'redis://h', '--fleet', 'a/b'],
      'sluice: --fleet "a/b" must be 1 to 64 letters, digits, dots, dashes or underscores\n',
    ],
    [
      ['gateway', '--worker', 'x'],
      'sluice: --worker x must be an address like grpc://127.0.0.1:9000 or http://127.0.0.1:8080\n',
    ],
    [['chat', '--url', 'x', 'hi'], 'sluice: --url x must be an address like http://127.0.0.1:8000\n'],
  ])('%j gets one line and status 2', async (args, line) => {
    expect(await run(args)).toEqual({ status: 2, stdout: '', stderr: line });
  });

  it('helps with each command', async () => {
    for (const command of ['up', 'worker', 'gateway', 'chat', 'pull']) {
      const { status, stdout } = await run([command, '--help']);
      expect([status, stdout]).toEqual([0, expect.stringContaining(`Usage: sluice ${command} `)]);
    }
  });

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  it('says so when no server runs where chat looks for one', async () => {
    const { status, stderr } = await run(['chat', '--url', 'http://127.0.0.1:9', 'hello']);
    expect([status, stderr]).toEqual([
      1,
      'sluice: nothing answers at http://127.0.0.1:9; start a server with: sluice up\n',
    ]);
  });
});

describe('A model that cannot be used', () => {
  it.each([
    ['is no GGUF file', 'not a model at all', /GGUF/i],
    ['is cut off', 'GGUF\u0003\u0000\u0000\u0000', /cut|truncated|end/i],
  ])('ends up with one line when it %s', async (_, contents, wanted) => {
    const file = path.join(folder, 'broken.gguf');
    writeFileSync(file, contents);
    const { status, stderr } = await run(['up', '--port', '0', '--model', file]);
    expect(status).toBe(1);
    const line = stderr.trim().split('\n').at(-1) ?? '';
    expect(line).toMatch(/^sluice: worker 1: /);
    expect(line).toContain('broken.gguf');
    expect(line).toMatch(wanted);
    expect(stderr).not.toContain('    at ');
    expect(readdirSync(folder).sort()).toEqual(['broken.gguf', 'logs']);
  });

  it('ends up with one line when it is not there', async () => {
    const { status, stderr } = await run(['up', '--port', '0', '--model', path.join(folder, 'missing.gguf')]);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^sluice: worker 1: .*missing\.gguf/);
  });
});
