import type { MetricPart } from '@sluice/gateway';
import { systemClock } from '@sluice/shared';
import { memoryStore } from '@sluice/store';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ParentMessage } from './process-messages.js';
import { Switchboard } from './switchboard.js';

/** Time that passes when a test says so. */
class Timers {
  readonly #callbacks = new Set<() => void>();
  after = (_: number, callback: () => void): (() => void) => {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  };
  fire(): void {
    for (const callback of [...this.#callbacks]) callback();
  }
}

let timers: Timers;
let switchboard: Switchboard;

beforeEach(() => {
  timers = new Timers();
  const clock = { ...systemClock(), after: timers.after };
  switchboard = new Switchboard({ limits: memoryStore(clock).limits, clock });
});

function join() {
  const heard: ParentMessage[] = [];
  const member = { tell: (message: ParentMessage) => heard.push(message) };
  switchboard.join(member);
  return { member, heard, say: (message: unknown) => switchboard.hear(member, message) };
}

/** So many requests counted, and as many in flight. */
function part(requests: number): MetricPart {
  const metric = (name: string, type: string) => ({ name, help: '', type, values: [{ value: requests, labels: {} }] });
  return [metric('requests_total', 'counter'), metric('in_flight', 'gauge')] as unknown as MetricPart;
}

/** What an answer says of all processes but the asker: the sum of each metric. */
function sums(message: ParentMessage | undefined) {
  if (message?.type !== 'answer' || message.answer === true || message.answer === false)
    throw new Error(`no answer: ${JSON.stringify(message)}`);
  const { parts, counted, silent } = message.answer;
  const total = (name: string): number => {
    const metrics = parts.flat().filter((metric) => metric.name === name);
    return metrics.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value, 0);
  };
  return { requests: total('requests_total'), inFlight: total('in_flight'), counted, silent };
}

describe('Switchboard.hear', () => {
  it('collects what all others have counted', () => {
    const [asker, one, two] = [join(), join(), join()];
    asker.say({ type: 'ask', id: 7, what: 'metrics' });
    expect(one.heard).toEqual([{ type: 'question', id: 1, what: 'metrics' }]);
    one.say({ type: 'reply', id: 1, reply: part(2) });
    expect(asker.heard).toEqual([]);
    two.say({ type: 'reply', id: 1, reply: part(3) });
    expect(asker.heard).toMatchObject([{ type: 'answer', id: 7 }]);
    expect(sums(asker.heard[0])).toEqual({ requests: 5, inFlight: 5, counted: 2, silent: 0 });
  });

  it('does not wait for one that hangs, and says that it is missing', () => {
    const [asker, one] = [join(), join(), join()];
    asker.say({ type: 'ask', id: 7, what: 'metrics' });
    one.say({ type: 'reply', id: 1, reply: part(2) });
    timers.fire();
    expect(sums(asker.heard[0])).toEqual({ requests: 2, inFlight: 2, counted: 1, silent: 1 });
  });

  it('keeps the counts of those that are gone, and not their gauges', () => {
    const [asker, one, two] = [join(), join(), join()];
    one.say({ type: 'last words', part: part(2) });
    asker.say({ type: 'ask', id: 7, what: 'metrics' });
    two.say({ type: 'reply', id: 1, reply: part(3) });
    expect(sums(asker.heard[0])).toEqual({ requests: 5, inFlight: 3, counted: 1, silent: 0 });
    // Killed, without last words: what it was last heard to have counted.
    switchboard.leave(two.member);
    asker.say({ type: 'ask', id: 8, what: 'metrics' });
    expect(sums(asker.heard[1])).toEqual({ requests: 5, inFlight: 0, counted: 0, silent: 0 });
  });

  it('counts one that goes while it is asked once', () => {
    const [asker, one, two] = [join(), join(), join()];
    asker.say({ type: 'ask', id: 7, what: 'metrics' });
    one.say({ type: 'reply', id: 1, reply: part(2) });
    one.say({ type: 'last words', part: part(2) });
    two.say({ type: 'last words', part: part(3) });
    expect(sums(asker.heard[0])).toEqual({ requests: 5, inFlight: 0, counted: 0, silent: 0 });
  });

  it.each([
    ['all are', [true, true], true],
    ['one is not', [true, false], false],
    ['one hangs', [true], true],
  ])('says of readiness, where %s', (_, replies, isReady) => {
    const [asker, ...others] = [join(), join(), join()];
    asker.say({ type: 'ask', id: 7, what: 'readiness' });
    for (const [index, reply] of replies.entries()) others[index]?.say({ type: 'reply', id: 1, reply });
    timers.fire();
    expect(asker.heard).toEqual([{ type: 'answer', id: 7, answer: isReady }]);
  });

  it('tells an admin’s word to all others, and to those that come later', () => {
    const [asker, one] = [join(), join()];
    const change = { kind: 'remove', address: 'h:1' } as const;
    asker.say({ type: 'worker change', change: { ...change, kind: 'add' } });
    asker.say({ type: 'worker change', change });
    expect(one.heard).toMatchObject([{ change: { kind: 'add' } }, { change }]);
    expect(asker.heard).toEqual([]);
    expect(join().heard).toEqual([{ type: 'worker change', change }]);
  });

  it.each([undefined, null, 'ready', {}, { type: 'ready', port: 1 }, { type: 'progress' }])('ignores %j', (message) => {
    const one = join();
    one.say(message);
    expect(one.heard).toEqual([]);
  });
});
