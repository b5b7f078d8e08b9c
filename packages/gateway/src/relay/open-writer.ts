import type { OwnResponses } from '../api/responses/kept-responses.js';
import { checkedWriter, type Refused } from '../content/checked-writer.js';
import { type ContentCheck, openAnswers } from '../content/content-check.js';
import type { HttpReply } from '../http/http-reply.js';
import type { EventId } from '../streams/event-id.js';
import { numberedWriter } from '../streams/numbered-writer.js';
import type { Order } from '../streams/order.js';
import { openParser } from './answer-parser.js';
import type { Choice } from './choice.js';
import { echoWriter } from './echo-writer.js';
import type { Gathering } from './gathering.js';
import { eventWriters, type OpenWriter, type ReplyWriter, wholeWriters } from './reply-writer.js';
import { stopWriter } from './stop-writer.js';

export interface WriterParts {
  readonly order: Order;
  /** What the client has of a stream whose events have ids; undefined: they have none. */
  readonly has: EventId | undefined;
  readonly reply: HttpReply;
  readonly gathering: Gathering;
  readonly checks: readonly ContentCheck[];
  /** Of the caller. */
  readonly responses: OwnResponses;
}

/** The writers of the reply to an order, one for each choice, behind the content checks. */
export function openWriters(parts: WriterParts): (choice: Choice, refused: Refused) => ReplyWriter {
  const { order, checks } = parts;
  const open = writersOf(parts);
  return (choice, refused) => {
    const { prompts, echo, logprobsTop, includeStop } = order.call;
    const answer = open(choice, openParser(order, choice));
    const whole = echo ? echoWriter(answer, prompts[choice.promptIndex]!, logprobsTop !== undefined) : answer;
    const writer = checks.length === 0 ? whole : checkedWriter(whole, openAnswers(checks), refused);
    return includeStop ? stopWriter(writer) : writer;
  };
}

function writersOf({ order, has, reply, gathering, responses }: WriterParts): OpenWriter {
  const { endpoint, call, head } = order;
  const format = endpoint.reply(head, call, responses);
  if (!call.stream) return wholeWriters(format, reply, gathering, call);
  if (has === undefined) return eventWriters(format, reply, gathering);
  return (choice) => numberedWriter(format, reply, gathering, choice, has);
}
