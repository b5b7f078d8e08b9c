import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseProcessStat, processTreeUsage } from './process-usage.js';

describe('parseProcessStat', () => {
  it('adds user and system time of the process and of its ended children', () => {
    const line = '4242 (node) S 17 4242 4242 0 -1 4194304 2 3 4 5 100 20 3 1 20 0 11 0 99 1000 200 184467';
    expect(parseProcessStat(line)).toEqual({ pid: 4242, parentPid: 17, cpuTicks: 124 });
  });

  it('is not led astray by a name with blanks and parentheses', () => {
    const line = '7 (a) S (b 9) R 3 7 7 0 -1 0 0 0 0 0 1 2 3 4 20 0';
    expect(parseProcessStat(line)).toEqual({ pid: 7, parentPid: 3, cpuTicks: 10 });
  });
});

describe.skipIf(!existsSync('/proc/self/stat'))('processTreeUsage (needs /proc)', () => {
  it('counts a child with its parent, and nothing once both are gone', async () => {
    const program = `
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      child.once('spawn', () => console.log(child.pid));
      process.stdin.resume().on('end', () => { child.kill(); child.once('exit', () => process.exit()); });`;
    const parent = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const childPid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    const tree = processTreeUsage(parent.pid!)!;
    const child = processTreeUsage(childPid)!;
    expect(child.residentMb).toBeGreaterThan(0);
    expect(tree.residentMb).toBeGreaterThan(child.residentMb);
    parent.stdin.end();
    await new Promise((resolve) => parent.once('close', resolve));
    expect(processTreeUsage(parent.pid!)).toBeUndefined();
    expect(processTreeUsage(childPid)).toBeUndefined();
  });

  it('sees the CPU time that is spent', () => {
    const before = processTreeUsage(process.pid)!.cpuMs;
    const started = process.cpuUsage();
    while (process.cpuUsage(started).user < 100_000);
    expect(processTreeUsage(process.pid)!.cpuMs - before).toBeGreaterThanOrEqual(50);
  });
});
