import { createLog, type Logger } from '@sluice/shared';

/** A log whose lines a test reads; nothing is written. */
export interface RecordedLog {
  readonly log: Logger;
  /** Level, message and reason, oldest first. */
  readonly lines: readonly string[];
}

export function recordedLog(): RecordedLog {
  const log = createLog('store');
  const lines: string[] = [];
  for (const level of ['info', 'warn', 'error'] as const) {
    log[level] = ((fields: { readonly reason?: string }, message: string) => {
      lines.push(`${level}: ${message}${fields.reason === undefined ? '' : ` (${fields.reason})`}`);
    }) as Logger[typeof level];
  }
  return { log, lines };
}
