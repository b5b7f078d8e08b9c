import type { Checker } from './checker.js';

/** The model is never asked for what it cannot do, nor made to read what nobody wrote; see HashModel. */
export const modelContract: Checker = (history) =>
  history.flatMap((record) => (record.kind === 'broken' && record.part === 'model' ? [record.message] : []));
