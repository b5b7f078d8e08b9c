import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { bindApi } from './api.js';
import { bindThread } from './bind-thread.js';
import { openLibrary } from './library.js';
import { OrtError } from './ort-error.js';
import type { RunReply, RunRequest, RunThreadStart } from './run-thread.js';

/** The thread of a RunThread: its messages are runs, the last is null. */
const port = parentPort as MessagePort;
const { libraryPath, processors } = workerData as RunThreadStart;
const api = bindApi(openLibrary(libraryPath));
bindThread(processors);

port.on('message', (request: RunRequest | null) => {
  if (request === null) port.close();
  else port.postMessage(answer(request));
});

function answer({ session, options, binding }: RunRequest): RunReply {
  try {
    api.RunWithBinding(session, options, binding);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof OrtError) return { code: thrown.code, message: thrown.message };
    return { code: 'FAIL', message: String(thrown) };
  }
}
