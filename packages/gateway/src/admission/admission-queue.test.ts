import type { ServingError } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { AdmissionQueue, type Newcomer } from './admission-queue.js';

/** A queue in front of workers with so many places each model. */
class House {
  readonly clock = new ManualClock();
  readonly places = new Map<string, number>();
  readonly started: string[] = [];
  readonly refused: (readonly [string, ServingError])[] = [];
  readonly queue: AdmissionQueue;

  constructor(requestsMax = 100, tokensMax = 10_000) {
    this.queue = new AdmissionQueue(
      { requestsMax, tokensMax },
      {
        clock: this.clock,
        hasRoom: (model) => (this.places.get(model) ?? 0) > 0,
        drainMs: (_, { tokens }) => 10 * tokens,
      },
    );
  }

  newcomer(name: string, fields: Partial<Newcomer> = {}): Newcomer {
    const model = fields.model ?? 'm';
    return {
      key: 'k',
      class: 'normal',
      tokens: 100,
      arrivalMs: this.clock.nowMs(),
      deadlineMs: Infinity,
      model,
      start: () => {
        this.places.set(model, this.places.get(model)! - 1);
        this.started.push(name);
      },
      refuse: (error) => this.refused.push([name, error]),
      ...fields,
    };
  }

  enter(name: string, fields: Partial<Newcomer> = {}): ServingError | undefined {
    return this.queue.enter(this.newcomer(name, fields));
  }
}

describe('AdmissionQueue', () => {
  it('starts at once where there is room, and keeps the others until there is', () => {
    const house = new House();
    house.places.set('m', 1);
    for (const name of ['first', 'second', 'third']) expect(house.enter(name)).toBeUndefined();
    expect(house.started).toEqual(['first']);
    expect([house.queue.requests, house.queue.tokens]).toEqual([2, 200]);
    house.places.set('m', 1);
    house.queue.letIn();
    expect(house.started).toEqual(['first', 'second']);
  });

  it('lets no newcomer pass those that wait', () => {
    const house = new House();
    house.enter('waits');
    house.places.set('m', 2);
    house.enter('new');
    expect(house.started).toEqual([]);
    house.queue.letIn();
    expect(house.started).toEqual(['waits', 'new']);
  });

  it('does not let a model without workers hold up another', () => {
    const house = new House();
    house.enter('stuck', { model: 'away' });
    house.places.set('m', 1);
    house.enter('other');
    expect(house.started).toEqual(['other']);
  });

  it('refuses one too many with the time in which the next begins', () => {
    const house = new House(2);
    house.enter('a');
    house.enter('b');
    const refusal = house.enter('c')!;
    expect(refusal.code).toBe('queue_full');
    expect(refusal.message).toBe('2 requests wait for model "m", at most 2 may');
    expect(refusal.retryAfterMs).toBe(1_000);
  });

  it('says when to come again also where nobody may wait at all', () => {
    expect(new House(0).enter('a')!.retryAfterMs).toBe(0);
  });

  it('refuses too many tokens with the time in which as many have begun', () => {
    const house = new House(100, 1_000);
    house.enter('a', { tokens: 900 });
    const refusal = house.enter('b', { tokens: 300 })!;
    expect(refusal.code).toBe('queue_full');
    expect(refusal.message).toContain('900 prompt tokens wait');
    expect(refusal.retryAfterMs).toBe(9_000);
  });

  it('refuses at its deadline whoever still waits, and starts nobody after that', () => {
    const house = new House();
    house.enter('patient');
    house.enter('hasty', { deadlineMs: house.clock.nowMs() + 400 });
    house.clock.advance(600);
    expect(house.refused.map(([name, { code }]) => [name, code])).toEqual([['hasty', 'deadline_exceeded']]);
    house.places.set('m', 5);
    house.clock.advance(300);
    expect(house.started).toEqual(['patient']);
  });

  it('forgets whose client left', () => {
    const house = new House();
    const gone = house.newcomer('gone');
    house.queue.enter(gone);
    house.enter('stays');
    house.queue.leave(gone);
    house.queue.leave(gone);
    house.places.set('m', 5);
    house.queue.letIn();
    expect(house.started).toEqual(['stays']);
    expect(house.queue.requests).toBe(0);
  });

  it('refuses all when told to, each once, and leaves no timer behind when it closes', () => {
    const house = new House();
    house.enter('a');
    house.enter('b', { model: 'other' });
    const error = house.enter('c', { tokens: 1_000_000 })!;
    house.queue.refuseAll(error);
    expect(house.refused.map(([name]) => name).sort()).toEqual(['a', 'b']);
    house.queue.close();
    expect(house.clock.timers).toBe(0);
  });
});
