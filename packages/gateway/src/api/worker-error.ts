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
  ['tokens_min', 'min_tokens'],
  ['include_stop', 'include_stop_str_in_output'],
  ['no_turn', 'add_generation_prompt'],
  ['show_control', 'skip_special_tokens'],
]);

/** What fields of a call are called by who sent it. */
type CallerNames = Pick<GenerationCall, 'tokensMaxField'> &
  Partial<Pick<GenerationCall, 'constraint' | 'prompts' | 'promptName'>>;

const constraintField = /^(constraint|json_schema|json_object|regex|choice|grammar|structural_tag)\b/;

/** A worker's refusal in the words of the caller: both the field and a message that begins with it are renamed. */
export function callerError(failed: Failed, call: CallerNames): ServingError {
  const field = callerField(failed.field, call);
  const message = failed.message.startsWith(failed.field)
    ? field + failed.message.slice(failed.field.length)
    : failed.message;
  return new ServingError(isErrorCode(failed.code) ? failed.code : 'internal', message, field === '' ? {} : { field });
}

function callerField(wireField: string, call: CallerNames): string {
  const name = wireField.replace(/^sampling\./, '');
  // A constraint that no field asked for is the tools'.
  if (constraintField.test(name)) return call.constraint?.field ?? 'tools';
  if (name === 'tokens_max') return call.tokensMaxField;
  const known = callerFields.get(name) ?? name;
  if (known !== 'prompt' && known !== 'messages') return known;
  return call.promptName ?? (call.prompts?.[0]?.kind === 'messages' ? 'messages' : known);
}
