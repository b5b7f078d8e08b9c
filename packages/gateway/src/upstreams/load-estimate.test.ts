import { describe, expect, it } from 'vitest';
import { hasRoom } from '../admission/room.js';
import { requestsAhead } from '../routing/worker-load.js';
import { LoadEstimate } from './load-estimate.js';
import type { UpstreamLoad } from './upstream-load.js';

const report = (running: number, waiting = 0): UpstreamLoad => ({
  running,
  waiting,
  kvTokensUsed: 0,
  kvTokensMax: 0,
  slotsMax: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
});

const request = (promptTokens = 10) => ({ promptTokens });

describe('LoadEstimate', () => {
  it('counts what was sent, where there is no report', () => {
    const load = new LoadEstimate(8);
    const [first, second] = [request(10), request(30)];
    load.enter(first);
    load.enter(second);
    expect(requestsAhead(load.viewOf('a'))).toBe(2);
    expect(load.viewOf('a').load.prefillTokensWaiting).toBe(40);
    load.begin(first);
    expect(load.viewOf('a').load).toMatchObject({ running: 2, prefillTokensWaiting: 30 });
    load.leave(first);
    load.leave(second);
    expect(load.viewOf('a').load).toMatchObject({ running: 0, prefillTokensWaiting: 0 });
  });

  it('adds to a report what was sent after it was asked for, and takes off what has ended since', () => {
    const load = new LoadEstimate(8);
    const before = request();
    load.enter(before);
    load.expectReport();
    const meanwhile = request();
    load.enter(meanwhile);
    load.report(report(5, 2));
    expect(requestsAhead(load.viewOf('a'))).toBe(5 + 2 + 1);
    load.leave(before);
    expect(requestsAhead(load.viewOf('a'))).toBe(4 + 2 + 1);
    load.leave(meanwhile);
    expect(requestsAhead(load.viewOf('a'))).toBe(4 + 2);
    load.enter(request());
    expect(requestsAhead(load.viewOf('a'))).toBe(4 + 2 + 1);
    load.expectReport();
    load.report(report(1));
    expect(requestsAhead(load.viewOf('a'))).toBe(1);
  });

  it('counts again when there are no more reports', () => {
    const load = new LoadEstimate(8);
    load.enter(request());
    load.expectReport();
    load.report(report(7, 7));
    load.forgetReport();
    expect(requestsAhead(load.viewOf('a'))).toBe(1);
  });

  it('has no room when every connection is taken', () => {
    const load = new LoadEstimate(2);
    load.enter(request());
    expect(hasRoom(load.viewOf('a'))).toBe(true);
    const last = request();
    load.enter(last);
    expect(hasRoom(load.viewOf('a'))).toBe(false);
    load.leave(last);
    expect(hasRoom(load.viewOf('a'))).toBe(true);
  });

  it('comes back to nothing, whatever the order in which requests begin and end', () => {
    const load = new LoadEstimate(1_000);
    const live: { promptTokens: number }[] = [];
    for (let turn = 0; turn < 2_000; turn++) {
      if (turn % 7 === 0) load.expectReport();
      if (turn % 7 === 3) load.report(report(live.length));
      if (turn % 3 !== 0) {
        const one = request(turn);
        live.push(one);
        load.enter(one);
      } else {
        const one = live.splice((turn * 31) % Math.max(1, live.length), 1)[0];
        if (one !== undefined && turn % 2 === 0) load.begin(one);
        if (one !== undefined) load.leave(one);
      }
    }
    for (const one of live) load.leave(one);
    load.expectReport();
    load.report(report(0));
    expect(requestsAhead(load.viewOf('a'))).toBe(0);
    expect(load.viewOf('a').load.prefillTokensWaiting).toBe(0);
  });
});
