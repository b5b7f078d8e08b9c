export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
}

interface Sink {
  readonly isTTY?: boolean;
}

/** Colours for a terminal that wants them; plain text for a file, a pipe, `TERM=dumb` or NO_COLOR (no-color.org). */
export function styleFor(sink: Sink, env: NodeJS.ProcessEnv = process.env): Style {
  const isColoured = sink.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  const wrap = (open: number, close: number) => (text: string) =>
    isColoured ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39) };
}
