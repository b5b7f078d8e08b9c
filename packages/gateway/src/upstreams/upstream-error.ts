import { type ErrorCode, errorTable, isErrorCode, ServingError } from '@sluice/shared';
import { type JsonObject, objectOf, parseObject, textOf } from './json-reading.js';
import type { UpstreamHeaders } from './upstream-client.js';

const messageCharactersMax = 2_000;

/** Statuses that say who is at fault; 400s beside these are the caller's. */
const codes: ReadonlyMap<number, ErrorCode> = new Map([
  // The gateway's credentials, or an address behind which there is something else: another upstream may do.
  [401, 'model_unusable'],
  [402, 'model_unusable'],
  [403, 'model_unusable'],
  [404, 'model_unusable'],
  [405, 'model_unusable'],
  [407, 'model_unusable'],
  [501, 'model_unusable'],
  [408, 'engine_failed'],
  [413, 'body_too_large'],
  [429, 'queue_full'],
  [503, 'queue_full'],
]);

/**
 * What becomes of a reply that is no stream. The caller's own faults carry the upstream's words, which are about the
 * caller's request; all others carry ours, because they may be about the operator's secrets.
 */
export function errorOfReply(status: number, headers: UpstreamHeaders, body: string): ServingError {
  const told = toldError(parseObject(body));
  const code = codeOf(status, told);
  if (errorTable[code].fault === 'client') {
    const message = told.message ?? `the upstream refused the request with status ${status}`;
    return new ServingError(code, message, told.param === undefined ? {} : { field: told.param });
  }
  if (code === 'queue_full') {
    const retryAfterMs = retryAfterOf(headers);
    const problem = `the upstream takes no more requests at the moment (status ${status})`;
    return new ServingError(code, problem, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  const cause = new Error(`status ${status}: ${told.message ?? body.slice(0, messageCharactersMax)}`);
  const problem =
    code === 'model_unusable'
      ? `the upstream does not serve this gateway (status ${status}); its operator can see why`
      : `the upstream failed on this request (status ${status})`;
  return new ServingError(code, problem, { cause });
}

/** What becomes of an error that came as an event. */
export function errorOfEvent(event: JsonObject): ServingError {
  const told = toldError(event);
  const status =
    typeof told.code === 'number' ? told.code : told.code !== undefined && isErrorCode(told.code) ? 0 : 500;
  const code = codeOf(status, told);
  const isTold = errorTable[code].fault === 'client' && told.message !== undefined;
  const problem = isTold ? told.message : 'the upstream failed on this request after it had begun';
  return new ServingError(code, problem, { cause: new Error(told.message ?? JSON.stringify(event).slice(0, 200)) });
}

interface ToldError {
  readonly message: string | undefined;
  readonly param: string | undefined;
  readonly code: string | number | undefined;
  readonly type: string | undefined;
}

/** `{error: {…}}` of OpenAI, `{error: "…"}` of Text Generation Inference, `{message}` of older vLLM, `{detail}` of FastAPI. */
function toldError(body: JsonObject | undefined): ToldError {
  const error = objectOf(body?.error) ?? body ?? {};
  const message = textOf(error.message) ?? textOf(error.error) ?? textOf(error.detail);
  const { code } = error;
  return {
    message: message?.slice(0, messageCharactersMax),
    param: textOf(error.param)?.slice(0, 200),
    code: typeof code === 'number' || typeof code === 'string' ? code : undefined,
    type: textOf(error.type),
  };
}

function codeOf(status: number, { code, type }: ToldError): ErrorCode {
  const known = codes.get(status);
  // llama.cpp says it by its type.
  if (code === 'context_length_exceeded' || type === 'exceed_context_size_error') return 'context_length_exceeded';
  if (status === 0 && typeof code === 'string' && isErrorCode(code)) return code;
  if (known !== undefined) return known;
  if (status < 400 || status >= 500) return 'engine_failed';
  if (typeof code === 'string' && isErrorCode(code) && errorTable[code].fault === 'client') return code;
  return 'invalid_request';
}

/** Whole seconds; a date would need the upstream's clock. */
function retryAfterOf(headers: UpstreamHeaders): number | undefined {
  const given = headers['retry-after'];
  return typeof given === 'string' && /^\d{1,6}$/.test(given) ? Number(given) * 1000 : undefined;
}
