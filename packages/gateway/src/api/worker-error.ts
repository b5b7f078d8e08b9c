import type { Failed } from '@sluice/proto';
import { isErrorCode, ServingError } from '@sluice/shared';
import type { GenerationCall } from './generation-call.js';

/** The wire's names of fields, where they are not the caller's. */
const callerFields: ReadonlyMap<string, string> = new Map([
  ['messages_json', 'messages'],
  ['text', 'prompt'],
  ['token_ids', 'prompt'],
  ['stop_strings', 'stop'],
  ['ignore_end', 'ignore_eos'],
  ['logprobs_top', 'top_logprobs'],
]);

/** A worker's refusal in the words of the caller: both the field and a message that begins with it are renamed. */
export function callerError(failed: Failed, call: Pick<GenerationCall, 'tokensMaxField'>): ServingError {
  const field = callerField(failed.field, call);
  const message = failed.message.startsWith(failed.field)
    ? field + failed.message.slice(failed.field.length)
    : failed.message;
  return new ServingError(isErrorCode(failed.code) ? failed.code : 'internal', message, field === '' ? {} : { field });
}

function callerField(wireField: string, call: Pick<GenerationCall, 'tokensMaxField'>): string {
  const name = wireField.replace(/^sampling\./, '');
  if (name === 'tokens_max') return call.tokensMaxField;
  return callerFields.get(name) ?? name;
}
