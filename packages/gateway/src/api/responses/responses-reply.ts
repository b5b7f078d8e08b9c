import { assert } from '@sluice/shared';
import type { GenerationCall } from '../generation-call.js';
import type { ReplyFormat, ReplyHead, Usage } from '../reply-format.js';
import type { OwnResponses } from './kept-responses.js';
import { itemId, outputPart, withIds } from './response-items.js';
import { logprobJson, type Outcome, type OutputItem, outcomeOf, responseObject } from './response-object.js';

/** The item of an answer that is being written. */
type OpenItem = OpenMessage | OpenCall;

interface OpenMessage {
  readonly kind: 'message';
  readonly id: string;
  text: string;
  readonly logprobs: unknown[];
}

interface OpenCall {
  readonly kind: 'call';
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  /** Of its arguments. */
  text: string;
}

/** Replies of `POST /v1/responses`: an answer is a row of items, messages and calls, one after the other. */
export function responsesReply(head: ReplyHead, call: GenerationCall, responses: OwnResponses): ReplyFormat {
  const terms = call.response;
  assert(terms !== undefined, 'a response without its terms');
  /** Items that are done. */
  const output: OutputItem[] = [];
  let open: OpenItem | undefined;
  /** Log-probabilities of tokens whose text is still to come, in a message. */
  const held: unknown[] = [];
  let outcome: Outcome = { status: 'in_progress' };
  let events = 0;
  /** Where the open item is, as the end of an event about it. */
  let textDeltaRest = '';

  const event = (type: string, rest: object): string => {
    const data = JSON.stringify({ type, sequence_number: events, ...rest });
    events += 1;
    return `event: ${type}\ndata: ${data}\n\n`;
  };
  /** Of the open message; made by hand, because there is one for each token. */
  const textDelta = (text: string, logprobs: readonly unknown[]): string => {
    const start = `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":${events}`;
    events += 1;
    const shown = logprobs.length === 0 ? '[]' : JSON.stringify(logprobs);
    return `${start},"delta":${JSON.stringify(text)},"logprobs":${shown},${textDeltaRest}\n\n`;
  };
  const newMessage = (): OpenMessage => {
    return { kind: 'message', id: itemId('message', head.id, `${output.length}`), text: '', logprobs: [] };
  };
  const newCall = (callId: string, name: string): OpenCall => {
    return { kind: 'call', id: itemId('function_call', head.id, `${output.length}`), callId, name, text: '' };
  };
  const snapshot = (usage?: Usage) => responseObject(head, terms.echo, outcome, output, usage);
  const finished = (usage: Usage) => {
    const response = snapshot(usage);
    if (terms.echo.store) {
      const items = withIds(terms.items, head.id);
      responses.keep(head.id, JSON.stringify(response), JSON.stringify(items));
    }
    return response;
  };

  const begin = (item: OpenItem): string => {
    open = item;
    textDeltaRest = JSON.stringify(placeOf(item, output)).slice(1);
    const begun = itemOf(item, 'in_progress');
    const empty = begun.type === 'message' ? { ...begun, content: [] } : begun;
    const added = event('response.output_item.added', { output_index: output.length, item: empty });
    if (item.kind === 'call') return added;
    return added + event('response.content_part.added', { ...placeOf(item, output), part: outputPart('') });
  };
  const end = (status: 'completed' | 'incomplete'): string => {
    if (open === undefined) return '';
    const place = placeOf(open, output);
    const item = itemOf(open, status);
    const done =
      open.kind === 'message'
        ? event('response.output_text.done', { ...place, text: open.text, logprobs: open.logprobs }) +
          event('response.content_part.done', { ...place, part: outputPart(open.text, open.logprobs) })
        : event('response.function_call_arguments.done', { ...place, name: open.name, arguments: open.text });
    const last = event('response.output_item.done', { output_index: output.length, item });
    open = undefined;
    output.push(item);
    return done + last;
  };

  return {
    open: () => {
      const response = snapshot();
      return event('response.created', { response }) + event('response.in_progress', { response });
    },
    delta: (_, part) => {
      switch (part.kind) {
        case 'text': {
          const logprobs: unknown[] = head.logprobs ? part.logprobs.map(logprobJson) : [];
          if (part.text === '' && open?.kind !== 'message') {
            held.push(...logprobs);
            return '';
          }
          const start = open?.kind === 'message' ? '' : end('completed') + begin(newMessage());
          assert(open?.kind === 'message', 'text of no message');
          open.text += part.text;
          logprobs.unshift(...held.splice(0));
          open.logprobs.push(...logprobs);
          return start + textDelta(part.text, logprobs);
        }
        case 'call':
          held.length = 0;
          return end('completed') + begin(newCall(part.id, part.name));
        case 'arguments':
          assert(open?.kind === 'call', 'arguments of no call');
          open.text += part.text;
          return event('response.function_call_arguments.delta', { ...placeOf(open, output), delta: part.text });
      }
    },
    finish: (_, { reason }) => {
      outcome = outcomeOf(reason);
      const start = open === undefined && output.length === 0 ? begin(newMessage()) : '';
      return start + end(statusOf(outcome));
    },
    end: (usage) => event(`response.${outcome.status}`, { response: finished(usage) }),
    fail: (error) => {
      const { code, message, field = null } = error;
      outcome = { status: 'failed', error };
      return event('error', { code, message, param: field }) + event('response.failed', { response: snapshot() });
    },
    whole: ({ choices: [choice], usage }) => {
      const { text = '', calls = [], logprobs = [] } = choice ?? {};
      outcome = outcomeOf(choice?.ending.reason ?? 'stop');
      // As in a stream, where only the last item can have been cut.
      if (text !== '' || calls.length === 0) {
        const shown = head.logprobs ? logprobs.map(logprobJson) : [];
        const status = calls.length === 0 ? statusOf(outcome) : 'completed';
        output.push(itemOf({ ...newMessage(), text, logprobs: shown }, status));
      }
      for (const [index, { id, name, arguments: json }] of calls.entries()) {
        const status = index === calls.length - 1 ? statusOf(outcome) : 'completed';
        output.push(itemOf({ ...newCall(id, name), text: json }, status));
      }
      return JSON.stringify(finished(usage));
    },
  };
}

/** Which part of which item an event is about. */
function placeOf(item: OpenItem, { length }: readonly OutputItem[]) {
  const place = { item_id: item.id, output_index: length };
  return item.kind === 'message' ? { ...place, content_index: 0 } : place;
}

function itemOf(item: OpenItem, status: OutputItem['status']): OutputItem {
  const { id } = item;
  if (item.kind === 'call') {
    return { type: 'function_call', id, call_id: item.callId, name: item.name, arguments: item.text, status };
  }
  return { type: 'message', id, role: 'assistant', status, content: [outputPart(item.text, item.logprobs)] };
}

function statusOf({ status }: Outcome): 'completed' | 'incomplete' {
  return status === 'incomplete' ? 'incomplete' : 'completed';
}
