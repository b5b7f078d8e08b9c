import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CacheSlot, sweep, temporaryPath } from './cache-slot.js';
import type { FetchContext } from './fetch-progress.js';
import type { HttpClient, HttpResponse } from './http-client.js';
import { problemOf, type RemoteFile } from './hub.js';
import { reasonOf, SourceError, systemCodeOf } from './source-error.js';

export interface DownloadOptions {
  /** Milliseconds before the first retry, doubled for each further one without progress; default 1,000. */
  readonly retryWaitMs?: number;
}

/** Tries in a row that bring less than `progressBytes` each, before it is given up. */
const failuresMax = 5;
const progressBytes = 2 ** 20;

/**
 * Downloads into a temporary file of the slot and gives its path; what an earlier try or process left there is gone on
 * with. Cut connections and failing servers are tried again. The bytes are not verified here.
 * @throws SourceError when it is given up (the temporary file stays, to be resumed) or when the disk is full (it goes).
 */
export async function download(
  http: HttpClient,
  remote: RemoteFile,
  slot: CacheSlot,
  context: FetchContext,
  options: DownloadOptions = {},
): Promise<string> {
  const temporary = temporaryPath(slot, `${remote.mark}.partial`);
  await sweep(slot, temporary);
  const start = await sizeOf(temporary);
  let failures = 0;
  for (;;) {
    const before = await sizeOf(temporary);
    try {
      await downloadRest(http, remote, temporary, slot, context);
      return temporary;
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (systemCodeOf(thrown) === 'ENOSPC') {
        await rm(temporary, { force: true });
        throw new SourceError(`no space is left on the disk of ${slot.folder}`, { cause: thrown });
      }
      const after = await sizeOf(temporary);
      failures = after - before >= progressBytes ? 0 : failures + 1;
      // A server that was never reached in this call will not be a second later; one that gave bytes may be back.
      const mayHelp = thrown instanceof SourceError && (thrown.retryable || after > start);
      if (!mayHelp || failures >= failuresMax) throw thrown;
      await sleep((options.retryWaitMs ?? 1000) * 2 ** failures, undefined, { signal: context.signal });
    }
  }
}

/** One request for what is missing, written behind what is there. */
async function downloadRest(
  http: HttpClient,
  remote: RemoteFile,
  temporary: string,
  slot: CacheSlot,
  context: FetchContext,
): Promise<void> {
  const have = await sizeOf(temporary);
  if (remote.byteCount !== undefined && have === remote.byteCount) return;
  const isResumable = have > 0 && (remote.sha256 !== undefined || remote.etag !== undefined);
  const headers: Record<string, string> = {};
  if (isResumable) {
    headers.range = `bytes=${have}-`;
    // With a checksum the end result is verified; without one the server has to say whether it is still the same file.
    if (remote.sha256 === undefined && remote.etag !== undefined) headers['if-range'] = remote.etag;
  }
  const { url, token } = remote;
  const response = await http.send({ method: 'GET', url, headers, token, leaveOrigin: true }, context.signal);
  try {
    if (response.status === 416 && isWhole(response, have)) return;
    if (response.status === 416) await rm(temporary, { force: true });
    const offset = offsetOf(response, have, remote);
    const total = remote.byteCount ?? totalOf(response, offset);
    const handle = await open(temporary, offset === 0 ? 'w' : 'r+');
    try {
      await writeBody(response, handle, offset, total, slot, context);
    } finally {
      await handle.close();
    }
  } finally {
    response.body.destroy();
  }
}

/** Where the body's first byte belongs. */
function offsetOf(response: HttpResponse, have: number, remote: RemoteFile): number {
  const { status } = response;
  if (status === 200) return 0;
  if (status === 206) {
    const first = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (first !== undefined && Number(first) <= have) return Number(first);
    throw new SourceError(`the server sent the range "${response.headers.get('content-range')}" instead of ${have}-`);
  }
  const problem = problemOf(response, { repository: new URL(remote.url).host, file: remote.file }, !!remote.token);
  const retryable = status >= 500 || status === 429 || status === 416;
  throw new SourceError(problem ?? `the server answered with status ${status}`, { retryable });
}

/** Whether an answer "range not satisfiable" says that what is here is all there is. */
function isWhole(response: HttpResponse, have: number): boolean {
  return response.headers.get('content-range') === `bytes */${have}`;
}

function totalOf(response: HttpResponse, offset: number): number | undefined {
  const length = response.headers.get('content-length');
  return length === undefined ? undefined : offset + Number(length);
}

async function writeBody(
  response: HttpResponse,
  handle: FileHandle,
  offset: number,
  bytesTotal: number | undefined,
  slot: CacheSlot,
  context: FetchContext,
): Promise<void> {
  let position = offset;
  const report = (): void =>
    context.onProgress({ phase: 'download', what: slot.file, bytesDone: position, bytesTotal });
  report();
  for await (const chunk of bodyOf(response)) {
    if (bytesTotal !== undefined && position + chunk.length > bytesTotal) {
      throw new SourceError(`the server sent more than the ${bytesTotal} bytes of ${slot.file}`);
    }
    await writeAll(handle, chunk, position);
    position += chunk.length;
    report();
  }
  if (bytesTotal !== undefined && position < bytesTotal) throw cut(position, bytesTotal);
}

async function* bodyOf(response: HttpResponse): AsyncGenerator<Buffer> {
  try {
    yield* response.body as AsyncIterable<Buffer>;
  } catch (thrown) {
    throw new SourceError(`the connection was cut (${reasonOf(thrown)})`, { retryable: true, cause: thrown });
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function cut(position: number, bytesTotal: number): SourceError {
  return new SourceError(`the connection was cut at byte ${position} of ${bytesTotal}`, { retryable: true });
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
