import { describe, expect, it } from 'vitest';
import { Ewma } from './ewma.js';

describe('Ewma.add', () => {
  it('has no value before the first sample, and then that sample', () => {
    const mean = new Ewma(1_000);
    expect(mean.value).toBeUndefined();
    mean.add(8, 1);
    expect(mean.value).toBe(8);
  });

  it('lets a sample of one half-life weigh as much as all before it', () => {
    const mean = new Ewma(1_000);
    mean.add(8, 1_000);
    mean.add(4, 1_000);
    expect(mean.value).toBe(6);
    mean.add(6, 3_000);
    expect(mean.value).toBe(6);
  });

  it('comes to the same whether a stretch is one sample or many', () => {
    const whole = new Ewma(1_000);
    const parts = new Ewma(1_000);
    for (const mean of [whole, parts]) mean.add(10, 500);
    whole.add(2, 800);
    for (let i = 0; i < 8; i++) parts.add(2, 100);
    expect(parts.value).toBeCloseTo(whole.value ?? Number.NaN, 10);
  });

  it('ignores a sample that lasted no time', () => {
    const mean = new Ewma(1_000);
    mean.add(10, 100);
    mean.add(1e9, 0);
    expect(mean.value).toBe(10);
  });
});
