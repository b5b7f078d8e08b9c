import { checkedWriter, type Refused } from '../content/checked-writer.js';
import { type ContentCheck, openAnswers } from '../content/content-check.js';
import type { HttpReply } from '../http/http-reply.js';
import type { EventId } from '../streams/event-id.js';
import { numberedWriter } from '../streams/numbered-writer.js';
import type { Order } from '../streams/order.js';
import { eventWriter, type ReplyWriter, wholeWriter } from './reply-writer.js';

/**
 * The writer of the reply to an order, behind the content checks.
 * @param has what the client has of a stream whose events have ids; undefined: they have none.
 */
export function openWriter(
  { endpoint, call, head }: Order,
  has: EventId | undefined,
  reply: HttpReply,
  checks: readonly ContentCheck[],
  refused: Refused,
): ReplyWriter {
  const format = endpoint.reply(head);
  const events = has === undefined ? eventWriter(format, reply) : numberedWriter(format, reply, has);
  const writer = call.stream ? events : wholeWriter(format, reply);
  return checks.length === 0 ? writer : checkedWriter(writer, openAnswers(checks), refused);
}
