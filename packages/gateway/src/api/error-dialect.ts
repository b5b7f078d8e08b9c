import type { ServingError } from '@sluice/shared';
import { anthropicErrorBody } from './messages/anthropic-error.js';
import { errorBody } from './reply-format.js';

/** How an API tells its callers of errors; of all of them, also those that come before an endpoint is found. */
export interface ErrorDialect {
  body(error: ServingError, requestId: string): string;
  /** The header that its clients look for the request's id in, beside `x-request-id`; undefined: none. */
  readonly requestIdHeader: string | undefined;
}

/** By the path that was asked for, `/v1/messages?beta=true`. */
export function errorDialectOf(url: string): ErrorDialect {
  return /^\/v1\/messages(?:[/?]|$)/.test(url) ? anthropic : openAi;
}

const openAi: ErrorDialect = { body: errorBody, requestIdHeader: undefined };
const anthropic: ErrorDialect = { body: anthropicErrorBody, requestIdHeader: 'request-id' };
