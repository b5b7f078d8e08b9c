import type { GenerateEvent } from '@sluice/proto';
import { isErrorCode, ServingError } from '@sluice/shared';
import { finishReasonOf } from '../api/reply-format.js';
import type { HttpReply } from '../http/http-reply.js';
import type { ReplyWriter } from '../relay/reply-writer.js';

/** What of an answer came from a journal and not from this request's worker. */
export interface Told {
  promptTokens: number;
  generatedTokens: number;
}

/** Gives a writer what a journal holds, as if it came now, no faster than the client reads. */
export async function retell(
  events: readonly GenerateEvent[],
  writer: ReplyWriter,
  reply: HttpReply,
  told: Told,
): Promise<void> {
  for (const event of events) {
    if (reply.isOver) return;
    if (event.accepted) told.promptTokens = event.accepted.promptTokens;
    told.generatedTokens += event.tokenIds.length;
    if (event.failed) {
      const { code, message, field } = event.failed;
      writer.fail(new ServingError(isErrorCode(code) ? code : 'internal', message, field === '' ? {} : { field }));
      return;
    }
    if (event.finished) reply.record.finish = finishReasonOf(event.finished);
    if (!writer.write(event)) await reply.flushed();
  }
}
