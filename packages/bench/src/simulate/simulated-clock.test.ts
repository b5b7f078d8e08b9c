import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from './simulated-clock.js';

describe('SimulatedClock', () => {
  it('calls back in the order of time, and of asking where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (delays) => {
        const clock = new SimulatedClock();
        const called: (readonly [number, number])[] = [];
        delays.forEach((delayMs, index) => {
          clock.after(delayMs, () => called.push([clock.nowMs(), index]));
        });
        while (clock.advance());
        expect(called).toEqual(delays.map((delayMs, index) => [delayMs, index]).sort(([a], [b]) => a! - b!));
      }),
    );
  });

  it('does not call back what was taken back, nor move for it', () => {
    const clock = new SimulatedClock();
    clock.after(5, () => {
      throw new Error('called');
    })();
    expect(clock.advance()).toBe(false);
    expect(clock.nowMs()).toBe(0);
  });

  it('counts a delay from the moment it is asked for', () => {
    const clock = new SimulatedClock();
    const times: number[] = [];
    clock.after(10, () => clock.after(5, () => times.push(clock.nowMs(), clock.wallMs() - clock.nowMs())));
    while (clock.advance());
    expect(times).toEqual([15, new SimulatedClock().wallMs()]);
  });
});
