import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * One JSON object a line on standard error, so that standard output stays the program's answer. `SLUICE_LOG` sets the
 * level (trace to fatal, or silent; default info).
 */
export function createLog(part: string, fields: Record<string, unknown> = {}): Logger {
  const wanted = process.env.SLUICE_LOG ?? 'info';
  const level = levels.includes(wanted) ? wanted : 'info';
  return pino({ level, base: { part, ...fields }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
