import type { DecideEntry, SequenceSnapshot } from '../history.js';
import type { Checker } from './checker.js';

/**
 * While passes run side by side no executor is left idle, or given to the streams on top of one of theirs, where a prompt
 * that has its slot could go on there: beside streams as many prompts at a time as half of the executors, and without
 * streams as many as there are executors. So a prompt that is under way waits for the end of a step of streams at most,
 * and for other prompts: for those too that wait for that end, if they come first. Whoever lost its memory now comes first.
 */
export const executorsBusy: Checker = (history) =>
  history.flatMap((record) => {
    if (record.kind !== 'decide' || record.beside === undefined || record.beside.busy.length === 0) return [];
    if (record.beside.held.length > 0) return [];
    if (record.chunks.length > 0 || record.preempted.length > 0 || !hasRoom(record)) return [];
    const prompt = record.running.find(isPrompt);
    return prompt === undefined ? [] : [`at ${record.atMs} ${prompt.id} waits, and an executor could have it`];
  });

/** For one more prompt. */
function hasRoom({ running, decodes, beside }: DecideEntry): boolean {
  const { executors, executorsFree, promptsUnderWay, busy } = beside!;
  if (executorsFree < (decodes.length > 0 ? 2 : 1)) return false;
  const hasStreams = [...running, ...busy].some((one) => !isPrompt(one));
  return promptsUnderWay < (hasStreams ? Math.floor(executors / 2) : executors);
}

function isPrompt({ computed, promptTokens }: SequenceSnapshot): boolean {
  return computed < promptTokens;
}
