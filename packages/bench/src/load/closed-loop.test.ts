import { describe, expect, it } from 'vitest';
import { runClosedLoop } from './closed-loop.js';

/** Requests that end when the test says so. */
function manualRequests() {
  const ends = new Map<number, () => void>();
  const sent: number[] = [];
  return {
    sent,
    send: (index: number): Promise<string> => {
      sent.push(index);
      return new Promise((resolve) => ends.set(index, () => resolve(`result ${index}`)));
    },
    end: async (index: number): Promise<void> => {
      ends.get(index)!();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
  };
}

describe('runClosedLoop', () => {
  it('sends the next request as soon as one is over, and never more at a time', async () => {
    const { sent, send, end } = manualRequests();
    const done: number[] = [];
    const results = runClosedLoop({ concurrency: 2, requests: 4, send, onDone: (count) => done.push(count) });
    expect(sent).toEqual([0, 1]);
    await end(1);
    expect(sent).toEqual([0, 1, 2]);
    await end(2);
    expect(sent).toEqual([0, 1, 2, 3]);
    await end(0);
    await end(3);
    expect(await results).toEqual(['result 0', 'result 1', 'result 2', 'result 3']);
    expect(done).toEqual([1, 2, 3, 4]);
  });

  it('sends no more than were asked for, however high the concurrency', async () => {
    const results = await runClosedLoop({ concurrency: 64, requests: 3, send: async (index) => index });
    expect(results).toEqual([0, 1, 2]);
  });

  it('stops sending once a request is rejected', async () => {
    const sent: number[] = [];
    const send = async (index: number): Promise<void> => {
      sent.push(index);
      if (index === 1) throw new Error('broken');
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    };
    await expect(runClosedLoop({ concurrency: 2, requests: 100, send })).rejects.toThrow('broken');
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(sent).toEqual([0, 1]);
  });
});
