import { hash } from 'node:crypto';
import type { PriorityInit, ServiceTermsInit } from '@sluice/proto';
import { type Caller, checkPriority, type PriorityName, priorityNames } from '../auth/caller.js';
import { fieldError, preview } from './field-error.js';

/** As Node reads them: names in lower case; values of a header that comes twice are joined. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An hour. */
const objectiveMsMax = 3_600_000;

const priorities = {
  low: 'PRIORITY_LOW',
  normal: 'PRIORITY_NORMAL',
  high: 'PRIORITY_HIGH',
} as const satisfies Record<PriorityName, PriorityInit>;

/**
 * How urgent a request is and for whom, from its headers: `x-sluice-priority`, `x-sluice-ttft-ms`, `x-sluice-tbt-ms`. What
 * is absent is the worker's to say. Where callers are not known by name, requests with the same credentials count as one
 * client's; workers get a digest of them.
 * @throws ServingError `invalid_request` naming header, value and bound; `forbidden` for a class above the caller's.
 */
export function parseServiceTerms(headers: Headers, caller: Caller): ServiceTermsInit {
  const { 'x-api-key': apiKey, authorization = apiKey } = headers;
  return {
    priority: priorityOf(headers, caller),
    ttftMs: objectiveMs('x-sluice-ttft-ms', headers),
    tbtMs: objectiveMs('x-sluice-tbt-ms', headers),
    client: caller.name || (authorization === undefined ? '' : digestOf(String(authorization))),
  };
}

/**
 * How long a request may wait for a worker that could begin it, from the header `x-sluice-queue-ms`; undefined: it does
 * not say.
 * @throws ServingError `invalid_request` naming header, value and bound.
 */
export function parseQueueMs(headers: Headers): number | undefined {
  return objectiveMs('x-sluice-queue-ms', headers) || undefined;
}

function priorityOf({ 'x-sluice-priority': given }: Headers, caller: Caller): PriorityInit {
  if (given === undefined) return caller.priorityMax === 'low' ? 'PRIORITY_LOW' : 'PRIORITY_NORMAL';
  const name = priorityNames.find((one) => one === given);
  if (name === undefined) {
    throw fieldError('x-sluice-priority', `${preview(given)} must be one of ${priorityNames.join(', ')}`);
  }
  checkPriority(caller, name);
  return priorities[name];
}

function digestOf(text: string): string {
  return hash('sha256', text).slice(0, 32);
}

/** 0 where there is none, as on the wire. */
function objectiveMs(name: string, headers: Headers): number {
  const given = headers[name];
  if (given === undefined) return 0;
  const ms = /^\d{1,15}$/.test(String(given)) ? Number(given) : 0;
  if (ms >= 1 && ms <= objectiveMsMax) return ms;
  throw fieldError(name, `${preview(given)} must be a whole number of milliseconds from 1 to ${objectiveMsMax}`);
}
