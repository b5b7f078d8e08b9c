import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { AnswerLengths } from './answer-lengths.js';

describe('AnswerLengths.expectedTokens', () => {
  it('is what a request allows, where nothing was learnt', () => {
    expect(new AnswerLengths().expectedTokens('m', 'c', 40)).toBe(40);
    expect(new AnswerLengths().expectedTokens('m', 'c', 0)).toBe(256);
  });

  it('is the mean of answers that end by themselves, also where many were limited', () => {
    const rng = seededRng(3);
    const lengths = new AnswerLengths();
    for (let i = 0; i < 2_000; i++) {
      const whole = -100 * Math.log(1 - rng.next());
      lengths.learn('m', 'c', Math.min(60, whole), whole < 60);
    }
    expect(lengths.expectedTokens('m', 'c', 0)).toBeGreaterThan(85);
    expect(lengths.expectedTokens('m', 'c', 0)).toBeLessThan(115);
    expect(lengths.expectedTokens('m', 'c', 10)).toBeGreaterThan(9);
    expect(lengths.expectedTokens('m', 'c', 10)).toBeLessThan(10);
  });

  it('is all that a request allows for a caller whose answers never end by themselves', () => {
    const lengths = new AnswerLengths();
    for (let i = 0; i < 100; i++) lengths.learn('m', 'c', 500, false);
    expect(lengths.expectedTokens('m', 'c', 700)).toBe(700);
  });

  it("knows callers apart, and takes a new one's answers for those of the others", () => {
    const lengths = new AnswerLengths();
    for (let i = 0; i < 10; i++) lengths.learn('m', 'brief', 10, true);
    for (let i = 0; i < 10; i++) lengths.learn('m', 'long', 1_000, true);
    expect(lengths.expectedTokens('m', 'brief', 0)).toBe(10);
    expect(lengths.expectedTokens('m', 'long', 0)).toBe(1_000);
    expect(lengths.expectedTokens('m', 'new', 0)).toBe(505);
  });

  it('forgets callers when there are too many, and old answers', () => {
    const lengths = new AnswerLengths();
    lengths.learn('m', 'first', 10, true);
    for (let i = 0; i < 2_000; i++) lengths.learn('m', `caller ${i}`, 100, true);
    expect(lengths.expectedTokens('m', 'first', 0)).toBeCloseTo(100, -1);
    for (let i = 0; i < 2_000; i++) lengths.learn('m', 'c', 300, true);
    expect(lengths.expectedTokens('m', 'c', 0)).toBeCloseTo(300, 5);
  });
});
