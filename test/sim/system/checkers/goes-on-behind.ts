import { requestsOf } from '../system-history.js';
import { wholeAnswer } from '../system-oracle.js';
import type { SystemChecker } from './system-checker.js';

/**
 * Each worker that gets a request is told all tokens that have come of it, and goes on with the next one; behind a gateway
 * that died, those that it had written down.
 */
export const goesOnBehind: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request, records }) => {
    const { id } = request;
    let tokenIds: number[] = [];
    let isRetold = false;
    for (const record of records) {
      if (record.kind === 'returned') isRetold = true;
      if (record.kind === 'submit' && isRetold) {
        tokenIds = tokenIds.slice(0, record.generatedIds.length);
        isRetold = false;
      }
      if (record.kind === 'tokens') tokenIds.push(...record.tokenIds);
      if (record.kind === 'submit' && record.generatedIds.join() !== tokenIds.join()) {
        return [`${id} was sent with ${record.generatedIds.length} tokens, and ${tokenIds.length} had come`];
      }
    }
    const expected = wholeAnswer(request).tokenIds.slice(0, tokenIds.length);
    return expected.join() === tokenIds.join() ? [] : [`${id} got tokens ${tokenIds.join()}; alone ${expected.join()}`];
  });
