import { describe, expect, it } from 'vitest';
import { executorsFor, narrowExecutors, passMs } from './executor-width.js';

describe('passMs', () => {
  it.each([
    { pass: { rows: 1, chunks: 0 }, wideMs: 8.2, narrowMs: 13 },
    { pass: { rows: 16, chunks: 0 }, wideMs: 36.7, narrowMs: 39.5 },
    { pass: { rows: 64, chunks: 0 }, wideMs: 124, narrowMs: 114 },
    { pass: { rows: 0, chunks: 2 }, wideMs: 125, narrowMs: 120 },
    { pass: { rows: 16, chunks: 2 }, wideMs: 178, narrowMs: 166 },
  ])('says about what two cores were measured to take for $pass', ({ pass, wideMs, narrowMs }) => {
    expect(Math.abs(Math.log(passMs(pass, 1, 2) / wideMs))).toBeLessThan(0.125);
    expect(Math.abs(Math.log(passMs(pass, 2, 2) / narrowMs))).toBeLessThan(0.125);
  });

  it('has a lone row sooner done by threads together, and prompts by each on its own, until memory is what all wait for', () => {
    for (const threads of [4, 16]) {
      expect(passMs({ rows: 1, chunks: 0 }, 1, threads)).toBeLessThan(passMs({ rows: 1, chunks: 0 }, threads, threads));
      const prompts = { rows: 0, chunks: threads };
      expect(passMs(prompts, threads, threads)).toBeLessThan(passMs(prompts, 1, threads));
    }
    const rows = { rows: 64, chunks: 0 };
    expect(passMs(rows, 64, 64)).toBeGreaterThan(passMs(rows, 8, 64));
  });

  it('never takes longer for less', () => {
    for (const executors of [1, 2, 4, 8]) {
      for (let rows = 1; rows < 64; rows++) {
        const less = passMs({ rows: rows - 1, chunks: 4 }, executors, 8);
        expect(passMs({ rows, chunks: 4 }, executors, 8)).toBeGreaterThanOrEqual(less);
      }
    }
  });
});

describe('executorsFor', () => {
  it('has few threads with own kernels compute every pass together, unless somebody says otherwise', () => {
    expect(executorsFor('auto', 'own', 2)).toBe('wide');
    expect(executorsFor('auto', 'own', 4)).toBe('wide');
    expect(executorsFor('narrow', 'own', 2)).toBe('narrow');
  });

  it('leaves what is quicker to be found out elsewhere', () => {
    expect(executorsFor('auto', 'own', 8)).toBe('auto');
    expect(executorsFor('auto', 'runtime', 2)).toBe('auto');
    expect(executorsFor('wide', 'runtime', 2)).toBe('wide');
  });
});

describe('narrowExecutors', () => {
  it.each([
    [1, 0, 0],
    [2, 2, 1],
    [4, 4, 1],
    [8, 4, 2],
    [16, 4, 4],
    [64, 8, 8],
  ])('has for %i threads %i executors of %i', (threads, count, each) => {
    expect(narrowExecutors(threads)).toEqual({ count, threads: each });
  });

  it('has as many as somebody wants, but none without a thread, and none alone', () => {
    expect(narrowExecutors(8, 3)).toEqual({ count: 3, threads: 2 });
    expect(narrowExecutors(2, 8)).toEqual({ count: 2, threads: 1 });
    expect(narrowExecutors(8, 1)).toEqual({ count: 0, threads: 0 });
    expect(narrowExecutors(8, 0)).toEqual({ count: 0, threads: 0 });
  });

  it('never gives out more threads than there are', () => {
    for (let threads = 1; threads <= 128; threads++) {
      const { count, threads: each } = narrowExecutors(threads);
      expect(count * each).toBeLessThanOrEqual(threads);
      expect(count).not.toBe(1);
    }
  });
});
