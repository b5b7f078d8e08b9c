import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { traces } from './traces.js';

const run = promisify(execFile);
const script = fileURLToPath(new URL('traces-process.mjs', import.meta.url));

describe('a seed', () => {
  it('has one history: here, here again, and in another process', { timeout: 120_000 }, async () => {
    const here = await traces();
    expect(new Set(here).size).toBe(here.length);
    expect(await traces()).toEqual(here);
    const { stdout } = await run(process.execPath, [script]);
    expect(stdout.trim().split('\n')).toEqual(here);
  });
});
