import { ServingError } from '@sluice/shared';
import type { ReplyFormat } from '../api/reply-format.js';
import type { HttpReply } from '../http/http-reply.js';
import type { Choice } from '../relay/choice.js';
import type { Gathering } from '../relay/gathering.js';
import { endingOf, failReply, hasText, type ReplyWriter, textOf } from '../relay/reply-writer.js';
import type { EventId } from './event-id.js';

/**
 * Server-sent events with ids, of which the client has those up to `has` and gets the others. An event's position is the
 * number of tokens that have come with it, or one more than the last one's: whoever makes the same tokens numbers the
 * same text alike, in however many steps they come. So it is for a choice that is alone and for an answer that is all text.
 */
export function numberedWriter(
  format: ReplyFormat,
  reply: HttpReply,
  gathering: Gathering,
  choice: Choice,
  has: EventId,
): ReplyWriter {
  const idPrefix = `id: ${has.streamId}.`;
  let tokens = 0;
  let position = -1;
  /** The event with its id, or nothing where the client has it. */
  const numbered = (event: string): string => {
    position = Math.max(tokens, position + 1);
    return position > has.position ? `${idPrefix}${position}\n${event}` : '';
  };
  const open = (): string => eachEvent(format.open(0, gathering.promptTokensOf(choice)), numbered);
  let isOpen = false;

  return {
    write: (event) => {
      let events = '';
      if (!isOpen && (event.tokenIds.length > 0 || event.finished)) {
        isOpen = true;
        events = open();
      }
      tokens += event.tokenIds.length;
      if (hasText(event)) events += numbered(format.delta(0, textOf(event)));
      if (event.finished) {
        gathering.end(choice, event.finished);
        const end = format.finish(0, endingOf(event.finished, undefined)) + format.end(gathering.usage);
        endStream(reply, events + eachEvent(end, numbered), has, position);
        return true;
      }
      if (events === '') return true;
      if (!reply.isStarted) reply.startEvents();
      return reply.writeEvents(events);
    },
    // Without an id: a client that comes back gets what is behind the last event of the answer.
    fail: (error) => failReply(format, reply, gathering, error),
  };
}

function endStream(reply: HttpReply, events: string, has: EventId, last: number): void {
  if (events !== '') {
    if (!reply.isStarted) reply.startEvents();
    reply.endEvents(events);
  } else if (has.position === last) {
    // The standard's word for "do not reconnect": the client has everything.
    reply.send(204, '');
  } else {
    const problem = `last-event-id: position ${has.position} must be at most ${last}, the stream's last event`;
    reply.sendError(new ServingError('invalid_request', problem, { field: 'last-event-id' }));
  }
}

/** Of any number of whole events, each on its own. */
function eachEvent(events: string, change: (event: string) => string): string {
  let changed = '';
  for (const event of events.split('\n\n')) if (event !== '') changed += change(`${event}\n\n`);
  return changed;
}
