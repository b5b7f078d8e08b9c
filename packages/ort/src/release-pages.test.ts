import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { releasePages } from './release-pages.js';

const MIB = 2 ** 20;
/** Elements of 4 bytes in a mebibyte. */
const ELEMENTS = MIB / 4;

describe('releasePages', () => {
  it.runIf(process.platform === 'linux')('takes the pages out of the resident size', () => {
    const array = new Float32Array(64 * ELEMENTS).fill(1);
    const before = residentBytes();
    releasePages(array, 0, array.length);
    expect(before - residentBytes()).toBeGreaterThan(60 * MIB);
    expect(array[32 * ELEMENTS]).toBe(0);
    array.fill(2);
    expect(array[32 * ELEMENTS]).toBe(2);
  });

  it('leaves everything outside the part as it is', () => {
    const array = new Float32Array(4 * ELEMENTS).fill(1);
    const from = ELEMENTS + 13;
    const length = 2 * ELEMENTS + 101;
    releasePages(array, from, length);
    expect(array.subarray(0, from).every((value) => value === 1)).toBe(true);
    expect(array.subarray(from + length).every((value) => value === 1)).toBe(true);
  });

  it('lets a part that has no whole page alone', () => {
    const array = new Float32Array(ELEMENTS).fill(1);
    releasePages(array, 5, 100);
    releasePages(array, array.length, 0);
    expect(array.every((value) => value === 1)).toBe(true);
  });

  it.each([
    [-1, 2],
    [ELEMENTS, 1],
    [0, -1],
    [Number.NaN, 1],
  ])('refuses %d and %d, which lie outside', (from, length) => {
    expect(() => releasePages(new Float32Array(ELEMENTS), from, length)).toThrow('not inside an array of 262144');
  });
});

function residentBytes(): number {
  return Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4096;
}
