import { requestsOf } from '../system-history.js';
import { wholeAnswer } from '../system-oracle.js';
import type { SystemChecker } from './system-checker.js';

/** At every moment a client has the beginning of the text that it would get alone, and in the end all of it. */
export const oracleAnswer: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request, records }) => {
    const { id, promptIds } = request;
    const whole = wholeAnswer(request);
    let text = '';
    for (const record of records) {
      if (record.kind === 'text') text += record.text;
      if (!whole.text.startsWith(text)) return [`${id} has ${JSON.stringify(text)} of ${JSON.stringify(whole.text)}`];
      if (record.kind !== 'answered' || record.answer.finishReason === undefined) continue;
      const { answer } = record;
      // Its client left between the last text and the usage.
      const usage = answer.ending === 'whole' ? [promptIds.length, whole.tokenIds.length] : [undefined, undefined];
      const expected = [whole.text, whole.finishReason, ...usage];
      const { finishReason, promptTokens, completionTokens } = answer;
      const found = [text, finishReason, ...(answer.ending === 'whole' ? [promptTokens, completionTokens] : usage)];
      if (found.join('|') !== expected.join('|'))
        return [`${id} ended with ${found.join('|')}; alone ${expected.join('|')}`];
    }
    return [];
  });
