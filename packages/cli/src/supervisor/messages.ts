/** How far something long has come, as a worker tells it while it starts. */
export interface Progress {
  /** What is going on, in words ("fetching", "compiling"). */
  readonly phase: string;
  readonly done: number;
  /** In the unit of `done`; undefined where nobody knows. */
  readonly total: number | undefined;
}

/** What a supervised child tells its parent over the IPC channel. */
export type ChildMessage =
  | { readonly type: 'progress'; readonly progress: Progress }
  /** It serves. `port` is the one it listens on. */
  | { readonly type: 'ready'; readonly port: number }
  /** It cannot serve, and trying again would not help; the line is for people. */
  | { readonly type: 'failed'; readonly message: string };

/** What a parent tells its child: end what runs within the deadline, then exit. */
export interface StopMessage {
  readonly type: 'stop';
  readonly deadlineMs: number;
  /** Whether another one has its place already. */
  readonly isReplaced: boolean;
}

/** The message, if it is one of ours. */
export function asChildMessage(message: unknown): ChildMessage | undefined {
  if (!isRecord(message)) return undefined;
  switch (message.type) {
    case 'ready':
      return typeof message.port === 'number' ? { type: 'ready', port: message.port } : undefined;
    case 'failed':
      return typeof message.message === 'string' ? { type: 'failed', message: message.message } : undefined;
    case 'progress': {
      const { progress } = message;
      if (!isRecord(progress) || typeof progress.phase !== 'string' || typeof progress.done !== 'number') return;
      const total = typeof progress.total === 'number' ? progress.total : undefined;
      return { type: 'progress', progress: { phase: progress.phase, done: progress.done, total } };
    }
    default:
      return undefined;
  }
}

/** The message, if it is one of ours. */
export function asStopMessage(message: unknown): StopMessage | undefined {
  if (!isRecord(message) || message.type !== 'stop' || typeof message.deadlineMs !== 'number') return undefined;
  return { type: 'stop', deadlineMs: message.deadlineMs, isReplaced: message.isReplaced === true };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
