import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { WaitingRoom } from './waiting-room.js';

function room(waitMsMax = 1000) {
  const clock = new ManualClock();
  const happened: string[] = [];
  const waiting = new WaitingRoom(clock, waitMsMax);
  const enter = (name: string, isServed: () => boolean) =>
    waiting.enter(
      () => {
        if (isServed()) happened.push(`${name} goes on`);
        return isServed();
      },
      () => happened.push(`${name} gives up`),
    );
  return { clock, happened, waiting, enter };
}

describe('WaitingRoom', () => {
  it('tries again until it works', () => {
    const { clock, happened, waiting, enter } = room();
    let isServed = false;
    enter('a', () => isServed);
    clock.advance(900);
    expect(happened).toEqual([]);
    isServed = true;
    clock.advance(50);
    clock.advance(5000);
    expect(happened).toEqual(['a goes on']);
    expect(waiting.count).toBe(0);
  });

  it('gives up when the time of each is over, not sooner', () => {
    const { clock, happened, enter } = room();
    enter('a', () => false);
    clock.advance(500);
    enter('b', () => false);
    clock.advance(500);
    expect(happened).toEqual(['a gives up']);
    clock.advance(499);
    expect(happened).toEqual(['a gives up']);
    clock.advance(51);
    expect(happened).toEqual(['a gives up', 'b gives up']);
  });

  it('leaves those alone that have left', () => {
    const { clock, happened, enter } = room();
    const leave = enter('a', () => true);
    leave();
    expect(clock.timers, 'timers for nobody').toBe(0);
    clock.advance(5000);
    expect(happened).toEqual([]);
  });

  it('still looks once where nobody is to wait', () => {
    const { clock, happened, enter } = room(0);
    enter('a', () => false);
    enter('b', () => true);
    clock.advance(1);
    expect(happened).toEqual(['a gives up', 'b goes on']);
  });
});
