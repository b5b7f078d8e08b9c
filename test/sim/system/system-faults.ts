import type { Rng } from '@sluice/shared';
import type { UpstreamFault } from './upstream-scenario.js';

/** What goes wrong, when, and after how many milliseconds it is over. */
export type SystemFault = FleetFault | UpstreamFault;

/** With what is ours. */
export type FleetFault = {
  readonly atMs: number;
  readonly ms: number;
} /** A worker's process ends at once and is started again; its machine says so, or is gone with it. */ & (
  | { readonly kind: 'kill-worker'; readonly worker: number; readonly isTold: boolean }
  | { readonly kind: 'hang-worker'; readonly worker: number }
  /** Told to go: it hands over what is left, and is started again. */
  | { readonly kind: 'drain-worker'; readonly worker: number; readonly handOverMs: number }
  | { readonly kind: 'slow-worker'; readonly worker: number; readonly factor: number }
  | { readonly kind: 'fail-pass'; readonly worker: number; readonly passes: number }
  /** Every stream that was there breaks. */
  | { readonly kind: 'cut'; readonly gateway: number; readonly worker: number }
  /** Nothing comes through, and nobody is told. */
  | { readonly kind: 'silence'; readonly gateway: number; readonly worker: number }
  | { readonly kind: 'swallow-frame'; readonly gateway: number; readonly worker: number }
  | { readonly kind: 'garble-frame'; readonly gateway: number; readonly worker: number }
  | { readonly kind: 'drain-gateway'; readonly gateway: number; readonly withinMs: number }
  | { readonly kind: 'kill-gateway'; readonly gateway: number }
  /** It stalls, and so do its timers. */
  | { readonly kind: 'hang-gateway'; readonly gateway: number }
  /** An admin takes a worker out of one gateway and puts it back. */
  | { readonly kind: 'remove-worker'; readonly gateway: number; readonly worker: number }
  | { readonly kind: 'store-outage' }
  | { readonly kind: 'store-flush' }
);

type Kind = FleetFault['kind'];

/** The first half more often: they are what a fleet sees every week. */
const kinds: readonly Kind[] = [
  'kill-worker',
  'kill-worker',
  'hang-worker',
  'drain-worker',
  'drain-worker',
  'cut',
  'cut',
  'silence',
  'fail-pass',
  'fail-pass',
  'slow-worker',
  'swallow-frame',
  'garble-frame',
  'drain-gateway',
  'kill-gateway',
  'hang-gateway',
  'remove-worker',
  'store-outage',
  'store-flush',
];

export interface FaultBounds {
  readonly gateways: number;
  readonly workers: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A fifth of all seeds have none; the others a few of few kinds, or many of one. */
export function drawFaults(rng: Rng, { gateways, workers, fromMs, toMs }: FaultBounds): readonly FleetFault[] {
  if (rng.next() < 0.2) return [];
  const chosen = Array.from({ length: 1 + rng.below(3) }, () => kinds[rng.below(kinds.length)]!);
  const count = 1 + rng.below(rng.next() < 0.3 ? 14 : 4);
  return Array.from({ length: count }, () => {
    const kind = chosen[rng.below(chosen.length)]!;
    const atMs = fromMs + rng.next() * (toMs - fromMs);
    return drawFault(rng, kind, atMs, { gateway: rng.below(gateways), worker: rng.below(workers) });
  }).sort((a, b) => a.atMs - b.atMs);
}

/** One or two of them. */
export function drawGatewayDeaths(rng: Rng, { gateways, fromMs, toMs }: FaultBounds): readonly FleetFault[] {
  return Array.from({ length: 1 + rng.below(2) }, () => {
    const atMs = fromMs + rng.next() * (toMs - fromMs);
    return drawFault(rng, 'kill-gateway', atMs, { gateway: rng.below(gateways), worker: 0 });
  });
}

function drawFault(
  rng: Rng,
  kind: Kind,
  atMs: number,
  { gateway, worker }: { readonly gateway: number; readonly worker: number },
): FleetFault {
  const span = (fromMs: number, toMs: number): number => fromMs + rng.next() * (toMs - fromMs);
  switch (kind) {
    case 'kill-worker':
      return { kind, atMs, worker, ms: span(50, 4_000), isTold: rng.next() < 0.7 };
    case 'hang-worker':
      return { kind, atMs, worker, ms: rng.next() < 0.3 ? span(100, 1_300) : span(1_300, 6_000) };
    case 'drain-worker':
      return { kind, atMs, worker, ms: span(200, 3_000), handOverMs: span(0, 500) };
    case 'slow-worker':
      return { kind, atMs, worker, ms: span(500, 4_000), factor: 2 + rng.below(12) };
    case 'fail-pass':
      return { kind, atMs, worker, ms: 500, passes: 1 + rng.below(rng.next() < 0.3 ? 12 : 2) };
    case 'silence':
      return { kind, atMs, gateway, worker, ms: rng.next() < 0.2 ? span(6_000, 20_000) : span(200, 5_000) };
    case 'cut':
    case 'swallow-frame':
    case 'garble-frame':
      return { kind, atMs, gateway, worker, ms: 1_000 };
    case 'remove-worker':
      return { kind, atMs, gateway, worker, ms: span(200, 4_000) };
    case 'drain-gateway':
      return { kind, atMs, gateway, ms: span(1_500, 4_000), withinMs: span(0, 1_200) };
    case 'kill-gateway':
      return { kind, atMs, gateway, ms: span(100, 3_000) };
    case 'hang-gateway':
      return { kind, atMs, gateway, ms: rng.next() < 0.6 ? span(50, 1_400) : span(1_400, 5_000) };
    case 'store-outage':
      return { kind, atMs, ms: span(500, 6_000) };
    case 'store-flush':
      return { kind, atMs, ms: 3_000 };
    default:
      throw new Error(`no such fault: ${kind satisfies never}`);
  }
}
