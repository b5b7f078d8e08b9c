import { asStopMessage, type ChildMessage } from './messages.js';
import { supervisedVariable } from './supervised-child.js';

/** What a command that serves can be asked to do by whoever started it. */
export interface Served {
  /** Ends what runs, within the deadline, and frees the port; `isReplaced`: another process has it already. */
  readonly stop: (deadlineMs: number, isReplaced: boolean) => Promise<void>;
}

/** Whether `sluice up` started this process and looks after it. */
export function isSupervised(env: NodeJS.ProcessEnv = process.env): boolean {
  return env[supervisedVariable] === '1' && process.send !== undefined;
}

/** Tells the parent, where there is one. Resolves when the message is on its way; never rejects. */
export function tellParent(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    // An error means that the channel has closed: whoever listened is gone, and 'disconnect' sees to that.
    else process.send(message, () => resolve());
  });
}

/**
 * From now on a child never outlives its parent: the IPC channel closes whatever way the parent ends, kill -9 included,
 * and then this process ends at once, by a signal that no running native call can delay. To be called first of all.
 */
export function dieWithParent(): void {
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // A terminal's Ctrl-C, and its end, reach the whole process group. It is for the parent to say who stops, and when: the
  // gateway can only let streams finish as long as the workers run.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
}

/**
 * Serves until told to stop, then drains and ends the process: told by the parent's message, by SIGTERM, or, without a
 * parent, by SIGINT. A second signal ends it at once with status 130.
 *
 * @param deadlineMs for a stop by signal
 * @param graceMs behind any deadline, for those who do not keep it and for what is left to be done then
 */
export function serveUntilStopped(served: Served, deadlineMs: number, graceMs = 2000): void {
  let isStopping = false;
  const stop = (deadline: number, isSignal: boolean, isReplaced = false): void => {
    if (isStopping) {
      if (isSignal) process.exit(130);
      return;
    }
    isStopping = true;
    // A drain that hangs must not keep the process: the timer ends it a little after the deadline.
    setTimeout(() => process.exit(1), deadline + graceMs).unref();
    served.stop(deadline, isReplaced).then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`sluice: could not stop in order: ${error instanceof Error ? error.message : error}\n`);
        process.exit(1);
      },
    );
  };
  process.on('message', (message) => {
    const request = asStopMessage(message);
    if (request) stop(request.deadlineMs, false, request.isReplaced);
  });
  process.on('SIGTERM', () => stop(deadlineMs, true));
  if (!isSupervised()) process.on('SIGINT', () => stop(deadlineMs, true));
}
