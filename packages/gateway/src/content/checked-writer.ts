import type { GenerateEvent } from '@sluice/proto';
import type { ReplyWriter } from '../relay/reply-writer.js';
import { type AnswerCheck, pass, type Verdict } from './content-check.js';

export interface Refused {
  /** Tokens of the prompt and of the answer so far, for the usage in the reply. */
  usage(): { readonly promptTokens: number; readonly generatedTokens: number; readonly cachedTokens: number };
  /** Called once: nothing more of the answer is wanted. */
  onRefused(): void;
}

/** Writes what an answer's checks let through. A refusal ends the reply where it is, with the reason `content_filter`. */
export function checkedWriter(writer: ReplyWriter, answer: AnswerCheck, { usage, onRefused }: Refused): ReplyWriter {
  let isRefused = false;
  return {
    write: (event) => {
      if (isRefused) return true;
      const verdict = checkEvent(answer, event);
      if (verdict.kind === 'pass') return writer.write({ ...event, text: verdict.text });
      isRefused = true;
      const { promptTokens, generatedTokens, cachedTokens } = usage();
      const isTaken = writer.write({
        ...event,
        text: '',
        failed: null,
        finished: {
          reason: 'FINISH_REASON_CONTENT_FILTER',
          stopString: '',
          promptTokens,
          completionTokens: generatedTokens,
          cachedTokens,
          ttft: event.finished?.ttft ?? 'OBJECTIVE_OUTCOME_UNSPECIFIED',
          tbt: event.finished?.tbt ?? 'OBJECTIVE_OUTCOME_UNSPECIFIED',
        },
      });
      onRefused();
      return isTaken;
    },
    fail: (error) => {
      if (!isRefused) writer.fail(error);
    },
  };
}

function checkEvent(answer: AnswerCheck, event: GenerateEvent): Verdict {
  const verdict = event.text === '' ? pass('') : answer.write(event.text);
  if (verdict.kind === 'refuse' || !event.finished) return verdict;
  const rest = answer.end();
  return rest.kind === 'refuse' ? rest : pass(verdict.text + rest.text);
}
