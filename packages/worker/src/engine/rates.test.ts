import { describe, expect, it } from 'vitest';
import { StepRates } from './rates.js';

describe('StepRates.add', () => {
  it('knows how many tokens of each kind come in a second of their steps', () => {
    const rates = new StepRates();
    rates.add(10, 0, 0, 100);
    rates.add(10, 40, 100, 200);
    expect(rates.current).toMatchObject({ steps: 2, stepMs: 100 });
    expect(rates.current.decodeTokensPerSecond).toBeCloseTo(100, 6);
    expect(rates.current.prefillTokensPerSecond).toBeCloseTo(500, 6);
  });

  it('counts the time of prompts side by side once', () => {
    const rates = new StepRates();
    // 100 tokens in 100 ms on one executor, and again on another one, half of it at the same time.
    for (let startMs = 0; startMs < 20_000; startMs += 200) {
      rates.add(0, 100, startMs, startMs + 100);
      rates.add(0, 100, startMs + 50, startMs + 150);
    }
    expect(rates.current.prefillTokensPerSecond).toBeGreaterThan(1_250);
    expect(rates.current.prefillTokensPerSecond).toBeLessThan(1_420);
  });

  it('is not upset by steps that took no time, or ended together', () => {
    const rates = new StepRates();
    rates.add(3, 0, 5, 5);
    expect(rates.current.decodeTokensPerSecond).toBe(0);
    for (let startMs = 0; startMs < 40_000; startMs += 100) {
      rates.add(0, 100, startMs, startMs + 100);
      rates.add(0, 100, startMs + 20, startMs + 100);
    }
    expect(rates.current.prefillTokensPerSecond).toBeCloseTo(2_000, -1);
  });
});
