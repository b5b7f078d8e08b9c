/**
 * The closed, append-only table of what can go wrong for a caller. One row a code: the gRPC status it travels as, the
 * HTTP status and OpenAI `type` a client sees, whether the same request may succeed later, and whose fault it is.
 */
export const errorTable = {
  invalid_request: row(3, 400, 'invalid_request_error', false, 'client'),
  context_length_exceeded: row(3, 400, 'invalid_request_error', false, 'client'),
  unsupported_parameter: row(3, 400, 'invalid_request_error', false, 'client'),
  unauthorized: row(16, 401, 'authentication_error', false, 'client'),
  forbidden: row(7, 403, 'permission_error', false, 'client'),
  rate_limited: row(8, 429, 'rate_limit_error', true, 'load'),
  content_refused: row(3, 400, 'invalid_request_error', false, 'client'),
  model_not_found: row(5, 404, 'invalid_request_error', false, 'client'),
  not_found: row(5, 404, 'invalid_request_error', false, 'client'),
  method_not_allowed: row(12, 405, 'invalid_request_error', false, 'client'),
  stream_taken: row(10, 409, 'invalid_request_error', false, 'client'),
  stream_gone: row(5, 410, 'invalid_request_error', false, 'client'),
  body_too_large: row(3, 413, 'invalid_request_error', false, 'client'),
  unsupported_media_type: row(3, 415, 'invalid_request_error', false, 'client'),
  request_header_too_large: row(3, 431, 'invalid_request_error', false, 'client'),
  request_timeout: row(4, 408, 'invalid_request_error', true, 'client'),
  cancelled: row(1, 499, 'request_cancelled', true, 'client'),
  queue_full: row(8, 429, 'rate_limit_error', true, 'load'),
  deadline_exceeded: row(4, 429, 'rate_limit_error', true, 'load'),
  no_worker: row(14, 503, 'service_unavailable', true, 'load'),
  draining: row(14, 503, 'service_unavailable', true, 'load'),
  journal_unavailable: row(14, 503, 'service_unavailable', true, 'load'),
  worker_lost: row(14, 502, 'server_error', true, 'server'),
  slow_reader: row(8, 499, 'request_cancelled', false, 'client'),
  engine_failed: row(13, 500, 'server_error', true, 'server'),
  model_unusable: row(9, 500, 'server_error', false, 'operator'),
  internal: row(13, 500, 'server_error', false, 'server'),
  keys_unavailable: row(14, 503, 'service_unavailable', true, 'operator'),
  previous_response_not_found: row(5, 400, 'invalid_request_error', false, 'client'),
  responses_unavailable: row(14, 503, 'service_unavailable', true, 'load'),
} as const;

export type ErrorCode = keyof typeof errorTable;
export type Fault = 'client' | 'load' | 'operator' | 'server';

export interface ErrorRow {
  readonly grpcStatus: number;
  readonly httpStatus: number;
  /** The `type` of an OpenAI error object. */
  readonly type: string;
  readonly retryable: boolean;
  readonly fault: Fault;
}

export interface ServingErrorOptions {
  /** The request field at fault, in the caller's own spelling (`messages[0].content`). */
  readonly field?: string;
  /** When the same request may succeed; absent: not known. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * An operating error: something a caller, an operator or the machine did, never a bug of ours. The message is for the
 * caller and names value and bound ("max_tokens 9000 must be at most 4096"); private detail stays in `cause`.
 */
export class ServingError extends Error {
  override readonly name = 'ServingError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ServingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterMs = options.retryAfterMs;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }
}

/** Whether a string that came over the wire is one of our codes. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/** What a caller may be told of anything thrown: a ServingError as it is, everything else as `internal`. */
export function asServingError(thrown: unknown): ServingError {
  if (thrown instanceof ServingError) return thrown;
  return new ServingError('internal', 'the server failed on this request; the failure is in its log', {
    cause: thrown,
  });
}

function row(grpcStatus: number, httpStatus: number, type: string, retryable: boolean, fault: Fault): ErrorRow {
  return { grpcStatus, httpStatus, type, retryable, fault };
}
