import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** A page of a pipe. */
const GATHER_BYTES = 4_096;

const timestamp = pino.stdTimeFunctions.isoTime;

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export interface LogOptions {
  /** Lines are written together, after so many milliseconds or some kilobytes. Default 0: each at once. */
  readonly gatherMs?: number;
  /** Default: standard error. */
  readonly destination?: LogDestination;
}

/** Takes whole lines. */
export interface LogDestination {
  write(text: string): unknown;
}

/** Of logs that were made here: where their lines go, and what each holds in front of its own fields. */
const courses = new WeakMap<Logger, { readonly destination: LogDestination; readonly base: string }>();

/**
 * One JSON object a line on standard error, so that standard output stays the program's answer. `SLUICE_LOG` sets the
 * level (trace to fatal, or silent; default info).
 */
export function createLog(part: string, fields: Record<string, unknown> = {}, options: LogOptions = {}): Logger {
  const wanted = process.env.SLUICE_LOG ?? 'info';
  const level = levels.includes(wanted) ? wanted : 'info';
  const { gatherMs = 0 } = options;
  const destination = options.destination ?? standardError(gatherMs);
  const base = { part, ...fields };
  const log = pino({ level, base, timestamp }, destination);
  courses.set(log, { destination, base: JSON.stringify(base).slice(1, -1) });
  return log;
}

/** The library's own timer would write through another thread every so often, lines or none. */
function standardError(gatherMs: number): LogDestination {
  const minLength = gatherMs === 0 ? 0 : GATHER_BYTES;
  const output = pino.destination({ dest: 2, sync: false, minLength });
  if (gatherMs === 0) return output;
  let isWaiting = false;
  const flush = (): void => {
    isWaiting = false;
    output.flush();
  };
  const write = (text: string): boolean => {
    if (!isWaiting) setTimeout(flush, gatherMs).unref();
    isWaiting = true;
    return output.write(text);
  };
  // Which the library asks for behind a line that is fatal.
  return Object.assign({ write }, { flushSync: () => output.flushSync() });
}

/**
 * The line that `log[level](fields, message)` writes, of fields that are JSON already: to put twelve of them together takes
 * pino 4 µs, which is much for what every request has.
 * @param fields `"name":value` with commas between; at least one.
 */
export function logJson(log: Logger, level: 'debug' | 'info', fields: string, message: string): void {
  const course = courses.get(log);
  if (course === undefined) {
    log[level](JSON.parse(`{${fields}}`), message);
  } else if (log.isLevelEnabled(level)) {
    const head = `{"level":${log.levels.values[level]}${timestamp()},${course.base}`;
    course.destination.write(`${head},${fields},"msg":${JSON.stringify(message)}}\n`);
  }
}
