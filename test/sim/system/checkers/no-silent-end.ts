import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/**
 * A reply that ends says how: with its finish reason and `[DONE]`, or with an error. A connection breaks before only where
 * its client left or does not read, or its gateway was killed; and nobody is cut off for good who came back for the rest.
 */
export const noSilentEnd: SystemChecker = (history, scenario) => {
  const { faults } = scenario;
  const stalls = faults.some(({ kind }) => kind === 'hang-gateway');
  const goneGateways = new Set(
    faults.flatMap((fault) =>
      // One that stalls while it drains is ended by whoever waits for it.
      fault.kind === 'kill-gateway' || (fault.kind === 'drain-gateway' && stalls) ? [fault.gateway] : [],
    ),
  );
  return requestsOf(history, scenario).flatMap(({ request, records }) => {
    const { id, gateway, stream, readBytesPerMs } = request;
    const wasWith = [gateway, ...records.flatMap((record) => (record.kind === 'returned' ? [record.gateway] : []))];
    const answer = records.flatMap((record) => (record.kind === 'answered' ? [record.answer] : []))[0];
    if (answer === undefined || answer.ending === 'left') return [];
    if (answer.ending === 'cut') {
      const isForGood = wasWith.length === 1 && goneGateways.has(gateway);
      return isForGood || readBytesPerMs !== undefined ? [] : [`${id} was cut off`];
    }
    const isFinished = answer.finishReason !== undefined && (answer.isDone || !stream);
    if (isFinished === (answer.errorCode === undefined) && (answer.status === 200 || !isFinished)) return [];
    return [`${id} ended with ${JSON.stringify({ ...answer, text: '…' })}`];
  });
};
