import type { GatewayMeasurement } from './gateway-load.js';

export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** What a gateway added to a load, and what that took. */
export interface GatewayCosts {
  readonly cpuUsPerToken: number | null;
  readonly cpuUsPerRequest: number | null;
  /** Memory at the peak above that before the load, by streams. */
  readonly kbPerStream: number | null;
  /** Above those of `direct` in the same round, where it ran at the same pace. */
  readonly addedTtftMs: Spread | null;
  readonly addedGapMs: Spread | null;
}

export type GatewayRound = GatewayMeasurement & GatewayCosts;

/** @param direct the same load in the same round without a gateway. */
export function withCosts(measured: GatewayMeasurement, direct: GatewayMeasurement | undefined): GatewayRound {
  const { cpuMs, tokens, requests, streams, idleMb, peakMb } = measured;
  const isComparable = direct !== undefined && direct !== measured && direct.stepMs === measured.stepMs;
  const above = (key: 'ttftMs' | 'gapMs'): Spread | null =>
    isComparable ? { p50: measured[key].p50 - direct[key].p50, p99: measured[key].p99 - direct[key].p99 } : null;
  return {
    ...measured,
    cpuUsPerToken: cpuMs === null || tokens === 0 ? null : (cpuMs * 1000) / tokens,
    cpuUsPerRequest: cpuMs === null || requests === 0 ? null : (cpuMs * 1000) / requests,
    kbPerStream: idleMb === null || peakMb === null ? null : ((peakMb - idleMb) * 1024) / streams,
    addedTtftMs: above('ttftMs'),
    addedGapMs: above('gapMs'),
  };
}

/** The round in the middle by CPU time, with the ends of all of them: no error of any round is lost. */
export function middleRound(rounds: readonly GatewayRound[]): GatewayRound {
  const middle = rounds.toSorted((a, b) => (a.cpuMs ?? 0) - (b.cpuMs ?? 0))[rounds.length >> 1]!;
  const sum = (key: 'requests' | 'complete' | 'truncated' | 'errors' | 'errorEvents' | 'tokens'): number =>
    rounds.reduce((total, round) => total + round[key], 0);
  return {
    ...middle,
    requests: sum('requests'),
    complete: sum('complete'),
    truncated: sum('truncated'),
    errors: sum('errors'),
    errorEvents: sum('errorEvents'),
    tokens: sum('tokens'),
    faults: [...new Set(rounds.flatMap(({ faults }) => faults))].slice(0, 5),
  };
}

/** How one load's costs stand to those of others in the same run; below 1 is cheaper. */
export interface CostRatios {
  readonly ratioToNginx: number | null;
  /** To the cheapest of the peers that know language models. */
  readonly ratioToBestGateway: number | null;
}

export interface SubjectCost {
  readonly subject: string;
  readonly own: boolean;
  /** CPU time per token of a stream, or per request of one token. */
  readonly cpuUs: number | null;
}

/** Of one subject under a load to all that had the same load. */
export function costRatios({ cpuUs }: SubjectCost, all: readonly SubjectCost[]): CostRatios {
  const nginx = all.find(({ subject }) => subject === 'nginx')?.cpuUs;
  const peers = all.filter(({ subject, own }) => !own && subject !== 'nginx' && subject !== 'direct');
  const best = Math.min(...peers.flatMap((peer) => peer.cpuUs ?? []));
  const over = (other: number | null | undefined): number | null =>
    cpuUs === null || other === null || other === undefined || !Number.isFinite(other) || other === 0
      ? null
      : cpuUs / other;
  return { ratioToNginx: over(nginx), ratioToBestGateway: over(best) };
}
