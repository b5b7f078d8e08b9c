import { createHash } from 'node:crypto';
import type { FileIdentity } from './cache-slot.js';
import type { HubSource } from './catalogue.js';
import type { FetchContext } from './fetch-progress.js';
import type { HttpClient, HttpResponse } from './http-client.js';
import { SourceError } from './source-error.js';

/** A file on a hub, ready to be downloaded. */
export interface RemoteFile extends FileIdentity {
  /** Path inside the repository. */
  readonly file: string;
  readonly url: string;
  readonly token: string | undefined;
  /** A strong entity tag, only when there is no checksum that says the same and more. */
  readonly etag?: string | undefined;
  /** Stands for this content in a file name. */
  readonly mark: string;
}

/** Answers with lists of files are no longer than this. */
const listBytesMax = 16 * 2 ** 20;

/**
 * A hub with the interface of huggingface.co: `HF_ENDPOINT` names another one, `HF_TOKEN` goes with each request to it.
 * Checksums are those of the files' large-file pointers (https://huggingface.co/docs/hub/api).
 */
export class Hub {
  readonly endpoint: string;
  readonly #http: HttpClient;
  readonly #token: string | undefined;
  readonly #signal: AbortSignal;

  constructor(http: HttpClient, context: FetchContext) {
    this.endpoint = (context.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
    if (!URL.canParse(this.endpoint)) throw new SourceError(`HF_ENDPOINT "${this.endpoint}" is not a URL`);
    this.#http = http;
    this.#token = context.env.HF_TOKEN?.trim() || undefined;
    this.#signal = context.signal;
  }

  /** The one GGUF file of a repository. @throws SourceError listing them when there are several, or none. */
  async onlyGguf(repository: string): Promise<RemoteFile> {
    const files = (await this.#list({ repository, file: '' })).filter(({ file }) => file.endsWith('.gguf'));
    const [only] = files;
    if (only === undefined) throw new SourceError(`${repository} has no GGUF file`);
    if (files.length === 1) return only;
    const names = files.map(({ file }) => file).join(', ');
    throw new SourceError(`${repository} has ${files.length} GGUF files, name one as ${repository}:FILE: ${names}`);
  }

  /** What the hub says of a file. @throws SourceError saying why it cannot be had. */
  async find(source: HubSource): Promise<RemoteFile> {
    const url = this.#fileUrl(source);
    const response = await this.#http.send({ method: 'HEAD', url, token: this.#token }, this.#signal);
    await response.body.dump();
    this.#check(response, source);
    const sha256 = sha256In(response.headers.get('x-linked-etag'));
    const length = response.headers.get('x-linked-size') ?? lengthOf(response);
    const found = this.#remoteFile(source, sha256, length === undefined ? undefined : Number(length), response);
    if (sha256 !== undefined) return found;
    // A mirror may leave out the headers; then the list of files may know more.
    const listed = await this.#list(source).catch((): RemoteFile[] => []);
    return listed.find(({ file, sha256 }) => file === source.file && sha256 !== undefined) ?? found;
  }

  async #list(source: HubSource): Promise<RemoteFile[]> {
    const url = `${this.endpoint}/api/models/${source.repository}/tree/${encodeURIComponent(revisionOf(source))}?recursive=true`;
    const response = await this.#http.send({ method: 'GET', url, token: this.#token }, this.#signal);
    const body = await textOf(response);
    this.#check(response, source);
    return parseTree(body).map(({ path, sha256, byteCount }) =>
      this.#remoteFile({ ...source, file: path }, sha256, byteCount),
    );
  }

  #remoteFile(source: HubSource, sha256?: string, byteCount?: number, response?: HttpResponse): RemoteFile {
    const etag = response?.status === 200 ? strongTag(response.headers.get('etag')) : undefined;
    const mark =
      sha256 ??
      createHash('sha256')
        .update(etag ?? '')
        .digest('hex');
    return {
      file: source.file,
      url: this.#fileUrl(source),
      token: this.#token,
      sha256,
      byteCount,
      etag: sha256 === undefined ? etag : undefined,
      mark: mark.slice(0, 16),
    };
  }

  #fileUrl(source: HubSource): string {
    const file = source.file.split('/').map(encodeURIComponent).join('/');
    return `${this.endpoint}/${source.repository}/resolve/${encodeURIComponent(revisionOf(source))}/${file}`;
  }

  #check(response: HttpResponse, source: HubSource): void {
    const problem = problemOf(response, source, this.#token !== undefined);
    if (problem === undefined) return;
    throw new SourceError(problem, { retryable: response.status >= 500 || response.status === 429 });
  }
}

/** Why an answer is not the file, or undefined if it is (a redirect to it included). */
export function problemOf(response: HttpResponse, source: HubSource, hasToken: boolean): string | undefined {
  const { status } = response;
  if (status < 400) return undefined;
  const what = source.file === '' ? source.repository : `${source.repository}:${source.file}`;
  if (status === 401 || status === 403) {
    const advice = hasToken ? 'HF_TOKEN does not give access to it' : 'it may need a token in HF_TOKEN, or not exist';
    return `${what} was refused with status ${status} (${advice})`;
  }
  if (status === 404) return `there is no ${what}`;
  return `${what} was answered with status ${status}`;
}

function revisionOf(source: HubSource): string {
  return source.revision ?? 'main';
}

function lengthOf(response: HttpResponse): string | undefined {
  return response.status === 200 ? response.headers.get('content-length') : undefined;
}

function sha256In(tag: string | undefined): string | undefined {
  return /^(?:W\/)?"?(?<sha256>[0-9a-f]{64})"?$/.exec(tag ?? '')?.groups?.sha256;
}

function strongTag(tag: string | undefined): string | undefined {
  return tag?.startsWith('"') ? tag : undefined;
}

async function textOf(response: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    byteCount += chunk.length;
    if (byteCount > listBytesMax) throw new SourceError(`its list of files is longer than ${listBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface TreeFile extends FileIdentity {
  readonly path: string;
}

/** The files in an answer of `/api/models/…/tree/…`; what does not look like one is left out. */
function parseTree(body: string): TreeFile[] {
  let tree: unknown;
  try {
    tree = JSON.parse(body);
  } catch {
    throw new SourceError('its list of files is not JSON');
  }
  if (!Array.isArray(tree)) throw new SourceError('its list of files is not a list');
  return tree.flatMap((entry: unknown) => {
    if (!isObject(entry) || entry.type !== 'file' || typeof entry.path !== 'string') return [];
    const oid = isObject(entry.lfs) ? entry.lfs.oid : undefined;
    return {
      path: entry.path,
      sha256: typeof oid === 'string' ? sha256In(oid.replace(/^sha256:/, '')) : undefined,
      byteCount: typeof entry.size === 'number' ? entry.size : undefined,
    };
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
