import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../load/stream-tally.js';
import type { Measurement } from './measure.js';
import { ownWhole, type ServeCell, serveResults, serveTable } from './serve-results.js';

const request: RequestRecord = {
  outcome: 'complete',
  reason: undefined,
  promptTokens: 256,
  outputTokens: 64,
  textEvents: 64,
  ttftMs: 100,
  gapsMs: [10],
};

/** Ten requests, 3,200 tokens, in so many milliseconds. */
function pass(wallMs: number, record = request, busyMs = 100): Measurement {
  const machine = { totalMs: 1_000, busyMs, stolenMs: 0 };
  return {
    records: Array(10).fill(record),
    cost: { wallMs, serverCpuMs: 100, clientCpuMs: 0, residentMb: 500, machine },
  };
}

function cell(name: string, own: boolean, concurrency: number, ...passes: Measurement[]): ServeCell {
  return {
    subject: { name, own, where: { kind: 'running', url: '' } },
    plan: { concurrency, requests: 10, promptTokens: 256, outputTokens: 64, seed: 1 },
    passes,
    unmeasured: undefined,
  };
}

describe('serveResults', () => {
  it('pools the passes of ours and compares with the best peer at the same concurrency', () => {
    const results = serveResults([
      cell('sluice', true, 4, pass(1_000), pass(3_000)),
      cell('slow peer', false, 4, pass(8_000)),
      cell('fast peer', false, 4, pass(4_000)),
      cell('other concurrency', false, 16, pass(100)),
    ]);
    expect(results[0]).toMatchObject({
      requests: 20,
      totalTokensPerSecond: 1_600,
      passTotalTokensPerSecond: [3_200, 1_066.7],
      ratioToBestPeer: 2,
    });
    expect(results.slice(1).map((result) => result.ratioToBestPeer)).toEqual([null, null, null]);
  });

  it('has no ratio when no peer was measured', () => {
    const [own] = serveResults([
      cell('sluice', true, 4, pass(1_000)),
      { ...cell('peer', false, 4), unmeasured: 'did not start' },
    ]);
    expect(own!.ratioToBestPeer).toBeNull();
  });
});

describe('ownWhole', () => {
  const cut = { ...request, outcome: 'truncated', reason: '1 of 64 tokens' } as const;

  it('minds only what is ours', () => {
    expect(ownWhole(serveResults([cell('sluice', true, 1, pass(1)), cell('peer', false, 1, pass(1, cut))]))).toBe(true);
    expect(ownWhole(serveResults([cell('sluice', true, 1, pass(1, cut))]))).toBe(false);
    expect(ownWhole(serveResults([cell('sluice', true, 1)]))).toBe(false);
  });
});

describe('serveTable', () => {
  it('warns of figures that were taken while somebody else used the machine', () => {
    const quiet = serveTable(serveResults([cell('peer', false, 4, pass(1))]));
    const busy = serveTable(serveResults([cell('peer', false, 4, pass(1, request, 400))]));
    expect(quiet).not.toContain('measure again');
    expect(busy).toContain('30 %');
    expect(busy).toContain('1 of 1 rows were measured while others took more than 5 %');
  });

  it('shows under the table why something has no figures', () => {
    const table = serveTable(serveResults([{ ...cell('peer', false, 4), unmeasured: 'did not start' }]));
    expect(table).toContain('peer at 4: did not start');
  });
});
