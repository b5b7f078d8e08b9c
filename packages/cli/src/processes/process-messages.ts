import type { MetricPart, SiblingMetrics, WorkerChange } from '@sluice/gateway';
import type { LimitAnswer, LimitClaim, LimitSettlement } from '@sluice/store';

/** What a gateway process says to the parent that it shares with others; the supervisor's messages come on top. */
export type ProcessMessage =
  /** Asks for what the others have counted, or for a reservation; the answer bears the same id. */
  | { readonly type: 'ask metrics'; readonly id: number }
  | { readonly type: 'reserve'; readonly id: number; readonly claims: readonly LimitClaim[] }
  | { readonly type: 'settle'; readonly settlements: readonly LimitSettlement[] }
  /** An admin's word, for the others too. */
  | { readonly type: 'worker change'; readonly change: WorkerChange }
  /** What it has counted, as it was asked. */
  | { readonly type: 'counted'; readonly id: number; readonly part: MetricPart }
  /** What it has counted in all its life; it counts no more. */
  | { readonly type: 'last words'; readonly part: MetricPart };

/** What the parent says to a process. */
export type ParentMessage =
  | { readonly type: 'count'; readonly id: number }
  | { readonly type: 'metrics'; readonly id: number; readonly metrics: SiblingMetrics }
  | { readonly type: 'reserved'; readonly id: number; readonly answer: LimitAnswer }
  | { readonly type: 'worker change'; readonly change: WorkerChange };

const processTypes: ReadonlySet<unknown> = new Set<ProcessMessage['type']>([
  'ask metrics',
  'reserve',
  'settle',
  'worker change',
  'counted',
  'last words',
]);
const parentTypes: ReadonlySet<unknown> = new Set<ParentMessage['type']>([
  'count',
  'metrics',
  'reserved',
  'worker change',
]);

/** The message, if it is one of these. Both sides run the same version: the type says the rest. */
export function asProcessMessage(message: unknown): ProcessMessage | undefined {
  return processTypes.has(typeOf(message)) ? (message as ProcessMessage) : undefined;
}

/** The message, if it is one of these. */
export function asParentMessage(message: unknown): ParentMessage | undefined {
  return parentTypes.has(typeOf(message)) ? (message as ParentMessage) : undefined;
}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
}
