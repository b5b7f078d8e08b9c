import type { MetricPart, SiblingMetrics, WorkerChange } from '@sluice/gateway';
import type { LimitAnswer, LimitClaim, LimitSettlement } from '@sluice/store';

/** What processes ask of each other: what they have counted, or whether they could serve a request. */
export type Question = 'metrics' | 'readiness';

/** What a gateway process says to the parent that it shares with others; the supervisor's messages come on top. */
export type ProcessMessage =
  /** Asks something of the others, or for a reservation; the answer bears the same id. */
  | { readonly type: 'ask'; readonly id: number; readonly what: Question }
  | { readonly type: 'reserve'; readonly id: number; readonly claims: readonly LimitClaim[] }
  | { readonly type: 'settle'; readonly settlements: readonly LimitSettlement[] }
  /** An admin's word, for the others too. */
  | { readonly type: 'worker change'; readonly change: WorkerChange }
  /** What it has counted, or whether it could serve, as it was asked. */
  | { readonly type: 'reply'; readonly id: number; readonly reply: MetricPart | boolean }
  /** What it has counted in all its life; it counts no more. */
  | { readonly type: 'last words'; readonly part: MetricPart };

/** What the parent says to a process. */
export type ParentMessage =
  | { readonly type: 'question'; readonly id: number; readonly what: Question }
  | { readonly type: 'answer'; readonly id: number; readonly answer: SiblingMetrics | boolean }
  | { readonly type: 'reserved'; readonly id: number; readonly answer: LimitAnswer }
  | { readonly type: 'worker change'; readonly change: WorkerChange };

const processTypes: ReadonlySet<unknown> = new Set<ProcessMessage['type']>([
  'ask',
  'reserve',
  'settle',
  'worker change',
  'reply',
  'last words',
]);
const parentTypes: ReadonlySet<unknown> = new Set<ParentMessage['type']>([
  'question',
  'answer',
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
