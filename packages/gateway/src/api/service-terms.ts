import { createHash } from 'node:crypto';
import type { PriorityInit, ServiceTermsInit } from '@sluice/proto';
import { fieldError, preview } from './field-error.js';

/** As Node reads them: names in lower case; values of a header that comes twice are joined. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An hour. */
const objectiveMsMax = 3_600_000;

const priorities: ReadonlyMap<string, PriorityInit> = new Map([
  ['low', 'PRIORITY_LOW'],
  ['normal', 'PRIORITY_NORMAL'],
  ['high', 'PRIORITY_HIGH'],
]);

/**
 * How urgent a request is and for whom, from its headers: `x-sluice-priority`, `x-sluice-ttft-ms`, `x-sluice-tbt-ms`. What
 * is absent is the worker's to say. Requests with the same credentials count as one client; workers get a digest of them.
 * @throws ServingError `invalid_request` naming header, value and bound.
 */
export function parseServiceTerms(headers: Headers): ServiceTermsInit {
  const { authorization } = headers;
  return {
    priority: priorityOf(headers),
    ttftMs: objectiveMs('x-sluice-ttft-ms', headers),
    tbtMs: objectiveMs('x-sluice-tbt-ms', headers),
    client:
      authorization === undefined ? '' : createHash('sha256').update(String(authorization)).digest('hex').slice(0, 32),
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

function priorityOf(headers: Headers): PriorityInit {
  const given = headers['x-sluice-priority'];
  if (given === undefined) return 'PRIORITY_NORMAL';
  const priority = priorities.get(String(given));
  if (priority !== undefined) return priority;
  throw fieldError('x-sluice-priority', `${preview(given)} must be one of ${[...priorities.keys()].join(', ')}`);
}

/** 0 where there is none, as on the wire. */
function objectiveMs(name: string, headers: Headers): number {
  const given = headers[name];
  if (given === undefined) return 0;
  const ms = /^\d{1,15}$/.test(String(given)) ? Number(given) : 0;
  if (ms >= 1 && ms <= objectiveMsMax) return ms;
  throw fieldError(name, `${preview(given)} must be a whole number of milliseconds from 1 to ${objectiveMsMax}`);
}
