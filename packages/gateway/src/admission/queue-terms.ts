import type { ServiceTermsInit } from '@sluice/proto';
import type { Newcomer } from './admission-queue.js';
import type { QueueClass } from './fair-queue.js';

/** Where a request stands among those that wait for a worker, and until when it may. */
export type QueueTerms = Pick<Newcomer, 'model' | 'key' | 'class' | 'arrivalMs' | 'deadlineMs'>;

/** @param waitMs how long it may wait; Infinity: for ever. */
export function queueTerms(terms: ServiceTermsInit, model: string, nowMs: number, waitMs: number): QueueTerms {
  return {
    model,
    key: terms.client ?? '',
    class: queueClassOf(terms.priority),
    arrivalMs: nowMs,
    deadlineMs: nowMs + waitMs,
  };
}

function queueClassOf(priority: ServiceTermsInit['priority']): QueueClass {
  if (priority === 'PRIORITY_HIGH') return 'high';
  return priority === 'PRIORITY_LOW' ? 'low' : 'normal';
}
