import type { Finished, GenerateEvent, TokenLogprob } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import { type AnswerPart, type Ending, finishReasonOf, type ReplyFormat } from '../api/reply-format.js';
import type { HttpReply } from '../http/http-reply.js';
import type { AnswerParser } from './answer-parser.js';
import type { Choice } from './choice.js';
import type { Gathering } from './gathering.js';
import { WholeAnswers } from './whole-answers.js';

/** Turns one choice's events into its reply. Each is called in the order of the events, `fail` or a last event once. */
export interface ReplyWriter {
  /** False when the client does not read. */
  write(event: GenerateEvent): boolean;
  fail(error: ServingError): void;
}

/** The writers of one reply; each choice has its own. */
export type OpenWriter = (choice: Choice, parser: AnswerParser | undefined) => ReplyWriter;

/**
 * Server-sent events: everything that one step brought to a choice is one write. The head waits for the first token, so
 * that what fails before it is an HTTP error, which clients know how to try again.
 */
export function eventWriters(format: ReplyFormat, reply: HttpReply, gathering: Gathering): OpenWriter {
  return (choice, parser) => {
    const { index } = choice;
    let isOpen = false;
    return {
      write: (event) => {
        let events = '';
        if (!isOpen && (event.tokenIds.length > 0 || event.finished)) {
          isOpen = true;
          if (!reply.isStarted) reply.startEvents();
          events = format.open(index, gathering.promptTokensOf(choice));
        }
        if (parser !== undefined) events += parsedDeltas(format, index, parser, event);
        else if (hasText(event)) events += format.delta(index, textOf(event));
        if (event.finished) {
          events += format.finish(index, endingOf(event.finished, parser));
          if (gathering.end(choice, event.finished)) {
            reply.endEvents(events + format.end(gathering.usage));
            return true;
          }
        }
        return events === '' || reply.writeEvents(events);
      },
      fail: (error) => failReply(format, reply, gathering, error),
    };
  };
}

/** One JSON object at the end. What is held meanwhile is bounded by the model's context, for each choice. */
export function wholeWriters(
  format: ReplyFormat,
  reply: HttpReply,
  gathering: Gathering,
  samples: { readonly samples: number; readonly samplesDrawn: number },
): OpenWriter {
  const answers = new WholeAnswers(samples);
  return (choice, parser) => {
    const answer = answers.open(choice);
    return {
      write: (event) => {
        if (event.accepted || event.promptReport) answer.addPrompt(event);
        if (parser === undefined) answer.addText(event.text, event.logprobs);
        else for (const part of partsOf(parser, event)) answer.add(part);
        if (event.promptReport?.embedding.length) answer.embedding = event.promptReport.embedding;
        if (event.finished) {
          answer.ending = endingOf(event.finished, parser);
          if (gathering.end(choice, event.finished)) {
            reply.send(200, format.whole({ choices: answers.best(), usage: gathering.usage }));
          }
        }
        return true;
      },
      fail: (error) => failReply(format, reply, gathering, error),
    };
  };
}

/** The first choice that fails ends the reply. */
export function failReply(format: ReplyFormat, reply: HttpReply, gathering: Gathering, error: ServingError): void {
  if (!gathering.fail()) return;
  if (reply.isStarted) reply.endEvents(format.fail(error));
  else reply.sendError(error);
}

export function hasText({ text, logprobs }: { text: string; logprobs: readonly TokenLogprob[] }): boolean {
  return text !== '' || logprobs.length > 0;
}

export function textOf({ text, logprobs }: GenerateEvent) {
  return { kind: 'text', text, logprobs } as const;
}

export function endingOf(finished: Finished, parser: AnswerParser | undefined): Ending {
  const reason = finishReasonOf(finished);
  return { reason: parser?.hasCalls && reason === 'stop' ? 'tool_calls' : reason, finished };
}

function parsedDeltas(format: ReplyFormat, index: number, parser: AnswerParser, event: GenerateEvent): string {
  let events = '';
  for (const part of partsOf(parser, event)) events += format.delta(index, part);
  return events;
}

function partsOf(parser: AnswerParser, event: GenerateEvent): readonly AnswerPart[] {
  const parts = hasText(event) ? parser.write(event.text, event.logprobs) : [];
  return event.finished ? [...parts, ...parser.end()] : parts;
}
