import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** A page of a pipe. */
const GATHER_BYTES = 4_096;

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export interface LogOptions {
  /** Lines are written together, after so many milliseconds or some kilobytes. Default 0: each at once. */
  readonly gatherMs?: number;
}

/**
 * One JSON object a line on standard error, so that standard output stays the program's answer. `SLUICE_LOG` sets the
 * level (trace to fatal, or silent; default info).
 */
export function createLog(part: string, fields: Record<string, unknown> = {}, options: LogOptions = {}): Logger {
  const wanted = process.env.SLUICE_LOG ?? 'info';
  const level = levels.includes(wanted) ? wanted : 'info';
  const { gatherMs = 0 } = options;
  const gather = gatherMs === 0 ? {} : { periodicFlush: gatherMs, minLength: GATHER_BYTES };
  const destination = pino.destination({ dest: 2, sync: false, ...gather });
  return pino({ level, base: { part, ...fields }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
