import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { Rotation, spread } from './rotation.js';

const rng = seededRng(3);
const random = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * rng.next() - 1);
const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('Rotation.turn', () => {
  it.each([64, 96, 576])('keeps every product of two vectors of %i channels', (width) => {
    const rotation = new Rotation(width);
    const [a, b] = [random(width), random(width)];
    const before = product(a, b);
    expect(product(rotation.turn(a), rotation.turn(b))).toBeCloseTo(before, 4);
  });

  it('spreads what stands out in one channel over all', () => {
    const row = new Float32Array(576);
    row[100] = 24;
    const turned = new Rotation(576).turn(row);
    expect(Math.max(...turned.map(Math.abs))).toBeLessThan(3);
  });

  it('is the same for the same width, row by row', () => {
    const rows = random(2 * 96);
    const both = new Rotation(96).turn(rows.slice());
    expect(new Rotation(96).turn(rows.slice(96))).toEqual(both.slice(96));
  });
});

describe('Rotation.turnBack', () => {
  it.each([64, 96, 576])('gives a row of %i channels as it was', (width) => {
    const row = random(width);
    const rotation = new Rotation(width);
    const back = rotation.turnBack(Float64Array.from(rotation.turn(row.slice())));
    for (const [i, value] of back.entries()) expect(value).toBeCloseTo(row[i]!, 5);
  });
});

describe('spread', () => {
  it('is its own inverse', () => {
    const values = random(64);
    const twice = spread(spread(values.slice(), 32), 32);
    for (const [i, value] of twice.entries()) expect(value).toBeCloseTo(values[i]!, 5);
  });
});
