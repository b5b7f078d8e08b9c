import type { ServingError } from '@sluice/shared';

/** Anthropic's names for what its clients tell apart by the status (docs.anthropic.com, "Errors"). */
const typesByStatus: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
]);

/** Anthropic's shape of an error. */
export function anthropicErrorBody(error: ServingError, requestId: string): string {
  return JSON.stringify({ type: 'error', error: errorObject(error), request_id: requestId });
}

/** The same, of an answer that has begun. */
export function anthropicErrorEvent(error: ServingError): string {
  return `event: error\ndata: ${JSON.stringify({ type: 'error', error: errorObject(error) })}\n\n`;
}

function errorObject({ message, row: { httpStatus } }: ServingError) {
  return { type: typesByStatus.get(httpStatus) ?? (httpStatus < 500 ? 'invalid_request_error' : 'api_error'), message };
}
