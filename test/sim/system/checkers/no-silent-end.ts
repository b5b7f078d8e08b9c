import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/**
 * A reply that ends says how: with its finish reason and `[DONE]`, or with an error. A connection breaks before only where
 * its client left or does not read, or its gateway went away.
 */
export const noSilentEnd: SystemChecker = (history, scenario) => {
  const goneGateways = new Set(
    history.flatMap((record) =>
      record.kind === 'fault' && (record.fault.kind === 'kill-gateway' || record.fault.kind === 'drain-gateway')
        ? [record.fault.gateway]
        : [],
    ),
  );
  return requestsOf(history, scenario).flatMap(({ request, records }) => {
    const { id, gateway, stream, readBytesPerMs } = request;
    const answer = records.flatMap((record) => (record.kind === 'answered' ? [record.answer] : []))[0];
    if (answer === undefined || answer.ending === 'left') return [];
    if (answer.ending === 'cut') {
      return goneGateways.has(gateway) || readBytesPerMs !== undefined ? [] : [`${id} was cut off`];
    }
    const isFinished = answer.finishReason !== undefined && (answer.isDone || !stream);
    if (isFinished === (answer.errorCode === undefined) && (answer.status === 200 || !isFinished)) return [];
    return [`${id} ended with ${JSON.stringify({ ...answer, text: '…' })}`];
  });
};
