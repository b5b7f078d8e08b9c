import type { Finished, GenerateEvent, TokenLogprob } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import { type Ending, finishReasonOf, type ReplyFormat } from '../api/reply-format.js';
import type { HttpReply } from '../http/http-reply.js';

/** Turns a request's events into its reply. Each is called in the order of the events, `fail` or a last event once. */
export interface ReplyWriter {
  /** False when the client does not read. */
  write(event: GenerateEvent): boolean;
  fail(error: ServingError): void;
}

/**
 * Server-sent events: everything that one step brought is one write. The head waits for the first token, so that what
 * fails before it is an HTTP error, which clients know how to try again.
 */
export function eventWriter(format: ReplyFormat, reply: HttpReply): ReplyWriter {
  return {
    write: (event) => {
      let events = '';
      if (!reply.isStarted && (event.tokenIds.length > 0 || event.finished)) {
        reply.startEvents();
        events = format.open(0);
      }
      if (hasText(event)) events += format.delta(0, textOf(event));
      if (event.finished) {
        reply.endEvents(events + format.finish(0, endingOf(event.finished)) + format.end(event.finished));
        return true;
      }
      return events === '' || reply.writeEvents(events);
    },
    fail: (error) => {
      if (reply.isStarted) reply.endEvents(format.fail(error));
      else reply.sendError(error);
    },
  };
}

/** One JSON object at the end. What is held meanwhile is bounded by the model's context. */
export function wholeWriter(format: ReplyFormat, reply: HttpReply): ReplyWriter {
  let text = '';
  const logprobs: TokenLogprob[] = [];
  return {
    write: (event) => {
      text += event.text;
      for (const logprob of event.logprobs) logprobs.push(logprob);
      if (event.finished) {
        const choice = { text, calls: [], logprobs, ending: endingOf(event.finished) };
        reply.send(200, format.whole({ choices: [choice], usage: event.finished }));
      }
      return true;
    },
    fail: (error) => reply.sendError(error),
  };
}

export function hasText({ text, logprobs }: GenerateEvent): boolean {
  return text !== '' || logprobs.length > 0;
}

export function textOf({ text, logprobs }: GenerateEvent) {
  return { kind: 'text', text, logprobs } as const;
}

export function endingOf(finished: Finished): Ending {
  return { reason: finishReasonOf(finished), finished };
}
