import type { Rng } from '@sluice/shared';

/** An OpenAI-compatible server beside workers of ours, or instead of them. */
export interface UpstreamSizes {
  /** Requests that it answers at once; others are told 429. */
  readonly runningMax: number;
  /** That a gateway has with it at once. */
  readonly connectionsMax: number;
  /** Milliseconds until the first text, and from one to the next. */
  readonly firstMs: number;
  readonly tokenMs: number;
  /** Whether it has `/health` and `/metrics`. */
  readonly hasHealth: boolean;
  readonly tellsLoad: boolean;
}

/** How an answer breaks: its connection, its protocol, or not at all while nothing comes any more. */
export const spoilings = ['cut', 'end', 'done', 'error', 'garbage', 'stall'] as const;
export type Spoiling = (typeof spoilings)[number];

/** What goes wrong with an upstream, when, and after how many milliseconds it is over. */
export type UpstreamFault = {
  readonly atMs: number;
  readonly ms: number;
  readonly upstream: number;
} /** Its machine says so, or is gone with it. */ & (
  | { readonly kind: 'kill-upstream'; readonly isTold: boolean }
  | { readonly kind: 'hang-upstream' }
  /** It says that it is not well, or not what it serves. */
  | { readonly kind: 'unwell-upstream'; readonly path: string }
  /** What is asked of it gets this status. */
  | { readonly kind: 'refuse-upstream'; readonly status: number }
  /** So many of the answers that begin now do not come to their end. */
  | { readonly kind: 'spoil-upstream'; readonly how: Spoiling; readonly answers: number }
);

/** Spoiled answers more often: there are many ways to break one. */
const kinds: readonly UpstreamFault['kind'][] = [
  'spoil-upstream',
  'spoil-upstream',
  'spoil-upstream',
  'kill-upstream',
  'hang-upstream',
  'unwell-upstream',
  'refuse-upstream',
];

const statuses = [429, 503, 500];
const paths = ['/health', '/v1/models'];

export function drawUpstreams(rng: Rng): readonly UpstreamSizes[] {
  return Array.from({ length: 1 + rng.below(2) }, () => ({
    runningMax: rng.next() < 0.3 ? 3 : 30,
    connectionsMax: 2 + rng.below(12),
    firstMs: 5 + rng.below(60),
    tokenMs: 1 + rng.below(20),
    hasHealth: rng.next() < 0.7,
    tellsLoad: rng.next() < 0.5,
  }));
}

export interface UpstreamFaultBounds {
  readonly upstreams: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A fifth of all seeds have none. */
export function drawUpstreamFaults(
  rng: Rng,
  { upstreams, fromMs, toMs }: UpstreamFaultBounds,
): readonly UpstreamFault[] {
  if (rng.next() < 0.2) return [];
  return Array.from({ length: 1 + rng.below(5) }, () => {
    const kind = kinds[rng.below(kinds.length)]!;
    return drawFault(rng, kind, fromMs + rng.next() * (toMs - fromMs), rng.below(upstreams));
  });
}

function drawFault(rng: Rng, kind: UpstreamFault['kind'], atMs: number, upstream: number): UpstreamFault {
  const span = (fromMs: number, toMs: number): number => fromMs + rng.next() * (toMs - fromMs);
  switch (kind) {
    case 'kill-upstream':
      return { kind, atMs, upstream, ms: span(50, 4_000), isTold: rng.next() < 0.7 };
    case 'hang-upstream':
      return { kind, atMs, upstream, ms: rng.next() < 0.3 ? span(100, 1_300) : span(1_300, 6_000) };
    case 'unwell-upstream':
      return { kind, atMs, upstream, ms: span(100, 3_000), path: paths[rng.below(paths.length)]! };
    case 'refuse-upstream':
      return { kind, atMs, upstream, ms: span(50, 1_500), status: statuses[rng.below(statuses.length)]! };
    case 'spoil-upstream': {
      const how = spoilings[rng.below(spoilings.length)]!;
      return { kind, atMs, upstream, ms: span(200, 2_000), how, answers: 1 + rng.below(5) };
    }
    default:
      throw new Error(`no such fault: ${kind satisfies never}`);
  }
}
