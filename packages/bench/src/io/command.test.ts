import { describe, expect, it } from 'vitest';
import { findCommand, runCommand } from './command.js';

const node = process.execPath;

describe('runCommand', () => {
  it('gives the output line by line, whichever stream it is on', async () => {
    const lines: string[] = [];
    const program = "process.stdout.write('one\\n\\ntwo\\n', () => console.error('three'))";
    await runCommand(node, ['-e', program], { onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual(['one', 'three', 'two']);
  });

  it('shows the end of the output of a program that fails', async () => {
    const program = "console.log('x'.repeat(9000)); console.error('no compiler'); process.exitCode = 3";
    const failure = await runCommand(node, ['-e', program]).catch((thrown: Error) => thrown.message);
    expect(failure).toMatch(/failed \(3\):.*no compiler$/s);
    expect(String(failure).length).toBeLessThan(5_000);
  });

  it('says so when there is no such program', async () => {
    await expect(runCommand('/no/such/program', [])).rejects.toThrow('/no/such/program cannot be run');
  });
});

describe('findCommand', () => {
  it('finds the first that is there', () => {
    expect(findCommand('/no/such/program', node, 'tar')).toBe(node);
    expect(findCommand('/no/such/program')).toBeUndefined();
  });
});
