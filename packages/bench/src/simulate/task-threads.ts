import { existsSync } from 'node:fs';
import os from 'node:os';
import { Worker } from 'node:worker_threads';
import type { TrialResult } from './tally.js';
import { runTask, type TrialTask } from './trial-task.js';

/** What a thread says: how far it is, then what came of its task. */
export type ThreadMessage =
  | { readonly kind: 'detail'; readonly text: string }
  | { readonly kind: 'done'; readonly results: readonly TrialResult[] };

export interface TaskListener {
  /** A task is taken up; several may be at a time. */
  begins(task: TrialTask): void;
  detail(text: string): void;
}

/** A step leaves much behind that is of no use after it: with less room for it half of the time goes into tidying. */
const YOUNG_GENERATION_MB = 256;

/**
 * Runs the tasks, as many at a time as there are processors, each on a thread; where there is no compiled thread in this
 * one, one after the other.
 * @returns their results, in the order of the tasks.
 * @throws Error what a task threw; the others are ended.
 */
export async function runTasks(
  tasks: readonly TrialTask[],
  listener: TaskListener,
  threadUrl = new URL('./task-thread.js', import.meta.url),
): Promise<readonly (readonly TrialResult[])[]> {
  const results = new Array<readonly TrialResult[]>(tasks.length);
  const hasThread = existsSync(threadUrl);
  const threads: TaskThread[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const thread = hasThread ? new TaskThread(threadUrl, listener) : undefined;
    if (thread !== undefined) threads.push(thread);
    for (let index = next++; index < tasks.length; index = next++) {
      const task = tasks[index]!;
      listener.begins(task);
      results[index] = await (thread === undefined ? runTask(task, listener.detail) : thread.run(task));
    }
  };
  try {
    const lanes = hasThread ? Math.min(tasks.length, os.availableParallelism()) : 1;
    await Promise.all(Array.from({ length: lanes }, work));
  } finally {
    for (const thread of threads) thread.end();
  }
  return results;
}

/** A thread that runs one task at a time; it stays, because it takes long to start and is fast only after a while. */
class TaskThread {
  readonly #worker: Worker;
  #settle:
    | { readonly resolve: (results: readonly TrialResult[]) => void; readonly reject: (error: Error) => void }
    | undefined;

  constructor(url: URL, listener: TaskListener) {
    this.#worker = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
    this.#worker.on('message', (message: ThreadMessage) => {
      if (message.kind === 'detail') listener.detail(message.text);
      else this.#settle?.resolve(message.results);
    });
    this.#worker.on('error', (error) => this.#settle?.reject(error));
    this.#worker.on('exit', (code) => {
      this.#settle?.reject(new Error(`a thread of the simulation ended with ${code} in the middle of a task`));
    });
  }

  /** @throws Error what the task threw; the thread is of no use any more. */
  run(task: TrialTask): Promise<readonly TrialResult[]> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker.postMessage(task);
    });
  }

  end(): void {
    void this.#worker.terminate();
  }
}
