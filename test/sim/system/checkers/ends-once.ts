import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/** Every request that was asked is answered, once, and nothing comes behind its end. */
export const endsOnce: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request: { id }, records }) => {
    if (!records.some(({ kind }) => kind === 'asked')) return [];
    const answers = records.flatMap((record) => (record.kind === 'answered' ? [record.answer] : []));
    if (answers.length !== 1) return [`${id} was answered ${answers.length} times`];
    const behind = answers[0]!.eventsBehindEnd;
    return behind === 0 ? [] : [`${id} got ${behind} events behind its end`];
  });
