import { describe, expect, it } from 'vitest';
import { costRatios, middleRound, withCosts } from './gateway-costs.js';
import type { GatewayMeasurement } from './gateway-load.js';

const measured = (changes: Partial<GatewayMeasurement> = {}): GatewayMeasurement => ({
  requests: 100,
  complete: 100,
  truncated: 0,
  errors: 0,
  errorEvents: 0,
  faults: [],
  tokens: 6_400,
  wallMs: 1_000,
  ttftMs: { p50: 12, p99: 30 },
  gapMs: { p50: 20, p99: 25 },
  loadBusyRatio: 0.1,
  streams: 50,
  stepMs: 20,
  cpuMs: 64,
  idleMb: 60,
  peakMb: 61,
  busyRatio: 0.5,
  engineBusyRatio: 0.1,
  ...changes,
});

describe('withCosts', () => {
  it('shares CPU and memory out', () => {
    expect(withCosts(measured(), undefined)).toMatchObject({
      cpuUsPerToken: 10,
      cpuUsPerRequest: 640,
      kbPerStream: 20.48,
      addedTtftMs: null,
      addedGapMs: null,
    });
  });

  it('says what was added to the delays of the same round without a gateway', () => {
    const direct = measured({ ttftMs: { p50: 10, p99: 20 }, cpuMs: null });
    const { addedTtftMs, addedGapMs } = withCosts(measured(), direct);
    expect([addedTtftMs, addedGapMs]).toEqual([
      { p50: 2, p99: 10 },
      { p50: 0, p99: 0 },
    ]);
    expect(withCosts(direct, direct).addedTtftMs).toBeNull();
  });

  it('does not compare delays at another pace', () => {
    expect(withCosts(measured({ stepMs: 80 }), measured()).addedTtftMs).toBeNull();
  });

  it('has no CPU time where there is none', () => {
    expect(withCosts(measured({ cpuMs: null, tokens: 0 }), undefined).cpuUsPerToken).toBeNull();
  });
});

describe('middleRound', () => {
  it('takes figures of the round in the middle, and the errors of all', () => {
    const rounds = [
      withCosts(measured({ cpuMs: 90, errors: 1, complete: 99, faults: ['status 500'] }), undefined),
      withCosts(measured({ cpuMs: 70 }), undefined),
      withCosts(measured({ cpuMs: 50, truncated: 2, complete: 98, faults: ['cut'] }), undefined),
    ];
    expect(middleRound(rounds)).toMatchObject({
      cpuMs: 70,
      requests: 300,
      complete: 297,
      errors: 1,
      truncated: 2,
      faults: ['status 500', 'cut'],
    });
  });
});

describe('costRatios', () => {
  const all = [
    { subject: 'direct', own: false, cpuUs: null },
    { subject: 'nginx', own: false, cpuUs: 10 },
    { subject: 'sluice', own: true, cpuUs: 12 },
    { subject: 'slow', own: false, cpuUs: 800 },
    { subject: 'quick', own: false, cpuUs: 24 },
  ];

  it('sets ours beside nginx and the cheapest gateway of others', () => {
    expect(costRatios(all[2]!, all)).toEqual({ ratioToNginx: 1.2, ratioToBestGateway: 0.5 });
  });

  it('compares with nobody who was not measured', () => {
    const nobody = { ratioToNginx: null, ratioToBestGateway: null };
    expect(costRatios(all[2]!, [all[0]!, all[2]!])).toEqual(nobody);
    expect(costRatios(all[0]!, all)).toEqual(nobody);
  });
});
