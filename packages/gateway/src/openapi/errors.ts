import { type ErrorCode, errorTable } from '@sluice/shared';

/** What can go wrong with a request, by what it does; every code that an HTTP client can see is in one of these. */
export const errorGroups = {
  any: ['unauthorized', 'forbidden', 'request_header_too_large', 'keys_unavailable', 'internal'],
  body: ['invalid_request', 'unsupported_parameter', 'body_too_large', 'unsupported_media_type', 'request_timeout'],
  model: ['model_not_found'],
  missing: ['not_found'],
  prompt: ['context_length_exceeded', 'content_refused', 'rate_limited'],
  worker: [
    'queue_full',
    'deadline_exceeded',
    'no_worker',
    'draining',
    'worker_lost',
    'engine_failed',
    'model_unusable',
  ],
  kept: ['previous_response_not_found', 'responses_unavailable'],
  stream: ['stream_taken', 'stream_gone', 'journal_unavailable'],
} as const satisfies Readonly<Record<string, readonly ErrorCode[]>>;

export type ErrorGroup = keyof typeof errorGroups;

/** The codes of some groups by HTTP status, in its order. */
export function codesByStatus(groups: readonly ErrorGroup[]): ReadonlyMap<number, readonly ErrorCode[]> {
  const found = new Map<number, ErrorCode[]>();
  const codes: readonly ErrorCode[] = groups.flatMap((group) => errorGroups[group]);
  for (const code of codes) {
    const { httpStatus } = errorTable[code];
    found.set(httpStatus, [...(found.get(httpStatus) ?? []), code]);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}
