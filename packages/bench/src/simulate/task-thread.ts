import { parentPort } from 'node:worker_threads';
import type { ThreadMessage } from './task-threads.js';
import { runTask, type TrialTask } from './trial-task.js';

/** A thread of {@link runTasks}: one task after the other, until it is ended. What a task throws ends it as well. */
const say = (message: ThreadMessage): void => parentPort?.postMessage(message);
parentPort?.on('message', async (task: TrialTask) => {
  say({ kind: 'done', results: await runTask(task, (text) => say({ kind: 'detail', text })) });
});
