const warnLevel = 40;

/**
 * The message of a log line (JSON as pino writes it) that reports something wrong; undefined for every other line. A
 * line that is no JSON is somebody's stack or a library's chatter: it is in the log file.
 */
export function problemOf(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg } = JSON.parse(line) as { readonly level?: unknown; readonly msg?: unknown };
    return typeof level === 'number' && level > warnLevel && typeof msg === 'string' ? msg : undefined;
  } catch {
    return undefined;
  }
}
