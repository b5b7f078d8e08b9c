import { workerData } from 'node:worker_threads';
import { bindApi } from './api.js';
import { bindThread } from './bind-thread.js';
import { openLibrary } from './library.js';
import { OrtError } from './ort-error.js';
import { RunMailbox, type RunOutcome, type RunRequest } from './run-mailbox.js';
import type { RunFailure, RunThreadStart } from './run-thread.js';

/** The thread of a RunThread: blocks until there is a run, computes it, and ends when there will be no more. */
const { libraryPath, processors, memory, failures } = workerData as RunThreadStart;
const api = bindApi(openLibrary(libraryPath));
bindThread(processors);

const mailbox = new RunMailbox(memory);
for (let run = mailbox.next(); run !== undefined; run = mailbox.next()) mailbox.answer(compute(run));

function compute({ session, options, binding }: RunRequest): RunOutcome {
  try {
    api.RunWithBinding(session, options === 0n ? null : options, binding);
    return 'done';
  } catch (thrown) {
    failures.postMessage(failureOf(thrown));
    return 'failed';
  }
}

function failureOf(thrown: unknown): RunFailure {
  if (thrown instanceof OrtError) return { code: thrown.code, message: thrown.message };
  return { code: 'FAIL', message: String(thrown) };
}
