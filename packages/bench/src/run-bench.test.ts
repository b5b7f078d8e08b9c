import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runBench } from './run-bench.js';
import { type Script, type ScriptedServer, startScriptedServer } from './test-support/scripted-server.js';

let output = '';
let complaints = '';
let folder = '';
let server: ScriptedServer | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'run-bench-'));
  output = '';
  complaints = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += String(text);
    return true;
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
  await server?.close();
  server = undefined;
});

/** `bench serve` of 6 requests, 3 at once, against a server that plays these scripts (the first three are the warm-up's). */
function benchServe(...scripts: Script[]) {
  return benchServeWith([], ...scripts);
}

async function benchServeWith(flags: readonly string[], ...scripts: Script[]) {
  server = await startScriptedServer(scripts, 3);
  const json = path.join(folder, 'made', 'report.json');
  const what = ['--url', server.url, '--subjects', 'sluice', '--concurrency', '3', '--requests', '6'];
  const size = ['--prompt-tokens', '32', '--output-tokens', '8'];
  const code = await runBench(['serve', ...what, ...size, ...flags, '--json', json]);
  return { code, report: JSON.parse(readFileSync(json, 'utf8')), server };
}

describe('runBench serve', () => {
  it('drives a server and writes what it measured', async () => {
    const { code, report, server } = await benchServe('whole');
    expect(complaints).toContain('6/6 complete');
    expect(code).toBe(0);
    expect(report).toMatchObject({ benchmark: 'serve', settings: { promptTokens: 32, outputTokens: 8, seed: 1 } });
    expect(report.machine.cores).toBeGreaterThan(0);
    expect(report.results).toHaveLength(1);
    expect(report.results[0]).toMatchObject({
      subject: server.url,
      concurrency: 3,
      requests: 6,
      complete: 6,
      truncated: 0,
      errors: 0,
      outputTokensPerEvent: 1,
      ratioToBestPeer: null,
    });
    const { totalTokensPerSecond, outputTokensPerSecond, wallMs } = report.results[0];
    expect(totalTokensPerSecond / (240_000 / wallMs)).toBeCloseTo(1, 2);
    expect(totalTokensPerSecond / outputTokensPerSecond).toBeCloseTo(5, 2);
    expect(server.concurrencyMax).toBe(3);
    expect(server.bodies.map((body) => body.prompt.length)).toEqual(Array(9).fill(32));
    expect(new Set(server.bodies.map((body) => body.prompt.join())).size).toBe(9);
    expect(output).toMatch(/\| +3 \| http:\/\/127.*6\/6 +\|/);
  });

  it.each<[Script, RegExp, object]>([
    ['fewer tokens', /5\/6, 1 cut/, { truncated: 1, complete: 5, faults: ['7 of 8 tokens'] }],
    ['HTTP 503', /5\/6, 1 failed/, { errors: 1, complete: 5 }],
  ])('shows one stream that went wrong (%s), and does not call the run valid', async (script, row, result) => {
    const { code, report } = await benchServe('whole', 'whole', 'whole', 'whole', script, 'whole');
    expect(code).toBe(1);
    expect(output).toMatch(row);
    expect(report.results[0]).toMatchObject(result);
  });

  it('measures so many rounds, no prompt twice, and pools them', async () => {
    const { code, report, server } = await benchServeWith(['--rounds', '3'], 'whole');
    expect(code).toBe(0);
    expect(complaints).toContain('round 3 of 3');
    expect(report.settings.rounds).toBe(3);
    expect(report.results).toMatchObject([{ subject: server.url, requests: 18, complete: 18 }]);
    expect(report.results[0].passTotalTokensPerSecond).toHaveLength(3);
    expect(new Set(server.bodies.map((body) => body.prompt.join())).size).toBe(21);
  });

  it('says in rounds, too, why there are no figures', async () => {
    const { code, report } = await benchServeWith(['--rounds', '3'], 'HTTP 503');
    expect(code).toBe(1);
    expect(report.results).toMatchObject([{ requests: 0, unmeasured: expect.stringContaining('warms up failed') }]);
  });

  it('says why there are no figures when not even the warm-up works', async () => {
    const { code, report } = await benchServe('HTTP 503');
    expect(code).toBe(1);
    expect(report.results[0].unmeasured).toMatch(/^a request that warms up failed: HTTP 503/);
    expect(output).toContain('a request that warms up failed');
  });
});

describe('runBench', () => {
  it.each([
    [['nothing'], 'no benchmark nothing; there are '],
    [['serve', '--concurrency', '1,0'], '--concurrency 0 must be a whole number from 1 to 1024'],
    [['serve', '--threads', '-1'], '--threads'],
    [['serve', '--rounds', '0'], '--rounds 0 must be a whole number from 1 to 100'],
    [['serve', '--seed', '1.5'], '--seed 1.5 must be a whole number from 0 to 4294967295'],
    [['serve', '--subjects', 'sluice,tgi'], '--subjects tgi must be of sluice, llama-server, vllm'],
    [['serve', '--url', 'localhost'], '--url localhost must be http://host:port'],
    [['serve', '--fast'], "'--fast'"],
    [['serve', '--quick=yes'], '--quick'],
  ])('refuses %j with one line and exit code 2', async (argv, line) => {
    expect(await runBench(argv)).toBe(2);
    expect(complaints).toContain(line);
    expect(complaints.trimEnd().split('\n')).toHaveLength(1);
    expect(output).toBe('');
  });

  it('explains itself', async () => {
    expect(await runBench(['--help'])).toBe(0);
    expect(output).toContain('serve');
    output = '';
    expect(await runBench(['serve', '--help'])).toBe(0);
    for (const flag of ['--quick', '--json FILE', '--concurrency LIST', '--subjects LIST'])
      expect(output).toContain(flag);
  });
});
