import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { idleWorker } from '../test-support/worker-views.js';
import { FirstTokenForecast, type ForecastRequest } from './first-token-forecast.js';

const nobody = { requests: 0, tokens: 0 };
/** A worker of 4 slots, whose streams gain 10 tokens a second each when all of them run. */
const busy = { slotsMax: 4, running: 4, decodeTokensPerSecond: 40, prefillTokensPerSecond: 1_000 };

function asked(fields: Partial<ForecastRequest> = {}): ForecastRequest {
  return { model: 'm', client: 'c', tokensMax: 50, promptTokens: 100, cachedTokens: new Map(), ...fields };
}

/** With so many answers of 50 tokens under way, of which each has so many. */
function withAnswers(generated: readonly number[]): FirstTokenForecast {
  const forecast = new FirstTokenForecast(new ManualClock());
  for (const generatedTokens of generated) forecast.begin(asked(), { generatedTokens, finish: undefined });
  return forecast;
}

describe('FirstTokenForecast.firstToken', () => {
  it('is the prompts where slots are free', () => {
    const worker = idleWorker('a', { prefillTokensWaiting: 900, prefillTokensPerSecond: 1_000 });
    const { ms, waitsForSlot } = new FirstTokenForecast(new ManualClock()).firstToken([worker], nobody, asked());
    expect(ms).toBeCloseTo(1_000, 5);
    expect(waitsForSlot).toBe(false);
  });

  it('waits for the first answer to end where no slot is free', () => {
    const worker = idleWorker('a', busy);
    const { ms, waitsForSlot } = withAnswers([45, 30, 20, 10]).firstToken([worker], nobody, asked());
    expect(waitsForSlot).toBe(true);
    // 5 tokens are left of it, at 10 a second; then its own prompt, beside four streams.
    expect(ms).toBeCloseTo(500 + 100 * (1 + 4 / 128), 5);
  });

  it('waits for as many answers as there are requests ahead, round after round', () => {
    const worker = idleWorker('a', busy);
    const forecast = withAnswers([45, 30, 20, 10]);
    const msBehind = (requests: number) => forecast.firstToken([worker], { requests, tokens: 0 }, asked()).ms;
    expect(msBehind(2) - msBehind(1)).toBeCloseTo(1_000, 5);
    // The fifth waits for the first and for a whole answer in its place.
    expect(msBehind(5) - msBehind(1)).toBeCloseTo(5_000, 5);
    expect(msBehind(9) - msBehind(5)).toBeCloseTo(5_000, 5);
  });

  it('remembers how fast a worker is when all its slots run', () => {
    const forecast = withAnswers([0, 0, 0, 0]);
    const flood = { requests: 40, tokens: 400 };
    forecast.firstToken([idleWorker('a', busy)], nobody, asked());
    const idle = idleWorker('a', { ...busy, running: 0, decodeTokensPerSecond: 8 });
    // 37 slots short of 4: nine rounds and a first one, of 50 tokens each, at 10 a second.
    expect(forecast.firstToken([idle], flood, asked()).ms).toBeGreaterThan(50_000);
    expect(forecast.firstToken([idle], flood, asked()).ms).toBeLessThan(51_000);
  });

  it('takes memory for slots where it is shorter', () => {
    const worker = idleWorker('a', { ...busy, slotsMax: 16, running: 4, kvTokensMax: 600 });
    expect(withAnswers([0, 0, 0, 0]).firstToken([worker], nobody, asked()).waitsForSlot).toBe(true);
    const roomy = idleWorker('a', { ...busy, slotsMax: 16, running: 4, kvTokensMax: 6_000 });
    expect(withAnswers([0, 0, 0, 0]).firstToken([roomy], nobody, asked()).waitsForSlot).toBe(false);
  });

  it('is that of the worker where it comes soonest', () => {
    const slow = idleWorker('a', { prefillTokensWaiting: 5_000, prefillTokensPerSecond: 1_000 });
    const free = idleWorker('b', { prefillTokensPerSecond: 1_000 });
    expect(new FirstTokenForecast(new ManualClock()).firstToken([slow, free], nobody, asked()).ms).toBeCloseTo(100, 5);
  });
});

describe('FirstTokenForecast.drainMs', () => {
  it('shares what is ahead between all workers, and is 0 where there are none', () => {
    const views = [
      idleWorker('a', { prefillTokensWaiting: 1_000, prefillTokensPerSecond: 1_000 }),
      idleWorker('b', { unreportedTokens: 500, prefillTokensPerSecond: 2_000 }),
    ];
    const forecast = new FirstTokenForecast(new ManualClock());
    expect(forecast.drainMs(views, { requests: 3, tokens: 1_500 }, 'm')).toBeCloseTo(1_000, -2);
    expect(forecast.drainMs([], { requests: 3, tokens: 1_500 }, 'm')).toBe(0);
  });

  it('counts the slots that have to become free', () => {
    const forecast = withAnswers([0, 0, 0, 0]);
    const worker = idleWorker('a', busy);
    expect(forecast.drainMs([worker], { requests: 8, tokens: 80 }, 'm')).toBeGreaterThan(10_000);
  });
});
