import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

const bytesMaxDefault = 16 * 1024 * 1024;

/**
 * A child's log on disk: appended to, and renamed to `<file>.1` (the one before it is lost) when it would grow over
 * `bytesMax`, so that a server that runs for months fills no disk. A disk that cannot be written to stops the log, never
 * the server.
 */
export class LogFile {
  readonly path: string;
  readonly #bytesMax: number;
  #descriptor: number | undefined;
  #bytes = 0;

  /** @throws Error of the file system when the folder or file cannot be made. */
  constructor(file: string, bytesMax: number = bytesMaxDefault) {
    this.path = file;
    this.#bytesMax = bytesMax;
    mkdirSync(path.dirname(file), { recursive: true });
    this.#open();
  }

  write(chunk: Uint8Array): void {
    if (this.#descriptor === undefined) return;
    try {
      if (this.#bytes > 0 && this.#bytes + chunk.length > this.#bytesMax) {
        this.close();
        renameSync(this.path, `${this.path}.1`);
        this.#open();
      }
      this.#bytes += writeSync(this.#descriptor, chunk);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): void {
    this.#descriptor = openSync(this.path, 'a');
    this.#bytes = statSync(this.path).size;
  }
}
