import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the stub misbehaves; everything off is a hub as it should be. May be changed between requests. */
export interface StubBehaviour {
  /** Requests to the hub need this token. */
  token?: string;
  /** Leave out the `x-linked-` headers, as mirrors do. */
  hidesChecksum?: boolean;
  /** Leave out the checksums in the list of files as well. */
  hidesListedChecksum?: boolean;
  /** State this checksum instead of the right one. */
  wrongSha256?: string;
  /** Send without a content length. */
  isChunked?: boolean;
  /** Ignore the Range header. */
  ignoresRange?: boolean;
  /** Answer these statuses, one a download, before any other. */
  failures?: number[];
  /** Answer these statuses, one a request to the hub, before any other. */
  hubFailures?: number[];
  /** Cut these downloads after so many bytes, one a download. */
  cuts?: number[];
  /** Called when a download has begun, with the bytes of the file sent by then; it goes on (or is cut) on resolve. */
  holdBody?: (bytesSent: number) => Promise<void>;
}

export interface StubRequest {
  readonly host: 'hub' | 'store';
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * A model hub on 127.0.0.1 for tests: `/{repository}/resolve/{revision}/{file}` redirects to a store on another origin,
 * which knows ranges; `/api/models/{repository}/tree/{revision}` lists files.
 */
export class StubHub {
  readonly behaviour: StubBehaviour = {};
  readonly requests: StubRequest[] = [];
  /** Contents by "organisation/repository/file". */
  readonly files = new Map<string, Uint8Array>();
  readonly #hub: Server = createServer((request, response) => this.#answerHub(request, response));
  readonly #store: Server = createServer((request, response) => void this.#answerStore(request, response));

  async start(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
  }

  get endpoint(): string {
    return originOf(this.#hub);
  }

  /** Ranges that were asked of the store, in order; undefined for a whole file. */
  get ranges(): (string | undefined)[] {
    return this.requests.filter(({ host }) => host === 'store').map(({ range }) => range);
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const path = this.#note('hub', request);
    if (this.behaviour.token !== undefined && request.headers.authorization !== `Bearer ${this.behaviour.token}`) {
      response.writeHead(401).end();
      return;
    }
    const failure = this.behaviour.hubFailures?.shift();
    if (failure !== undefined) {
      response.writeHead(failure).end();
      return;
    }
    const listed = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/[^/]+$/.exec(path)?.[1];
    if (listed !== undefined) {
      this.#answerTree(listed, response);
      return;
    }
    const [, repository, file] = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(path) ?? [];
    const bytes = this.files.get(`${repository}/${file}`);
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    const linked = this.behaviour.hidesChecksum
      ? {}
      : { 'x-linked-etag': `"${this.#sha256(bytes)}"`, 'x-linked-size': bytes.length };
    response.writeHead(302, { location: `${originOf(this.#store)}/${repository}/${file}`, ...linked }).end();
  }

  #answerTree(repository: string, response: ServerResponse): void {
    const tree = [...this.files].flatMap(([name, bytes]) => {
      if (!name.startsWith(`${repository}/`)) return [];
      const path = name.slice(repository.length + 1);
      const lfs = this.behaviour.hidesListedChecksum ? {} : { lfs: { oid: this.#sha256(bytes), size: bytes.length } };
      return [{ type: 'file', path, size: bytes.length, ...lfs }];
    });
    if (tree.length === 0) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(tree));
  }

  async #answerStore(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = this.files.get(this.#note('store', request).slice(1));
    const failure = this.behaviour.failures?.shift();
    if (bytes === undefined || failure !== undefined) {
      response.writeHead(failure ?? 404).end();
      return;
    }
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const first = this.behaviour.ignoresRange ? undefined : firstByte(request, etag);
    if (first !== undefined && first >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const body = bytes.subarray(first ?? 0);
    const length = this.behaviour.isChunked ? {} : { 'content-length': body.length };
    const range = first === undefined ? {} : { 'content-range': `bytes ${first}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(first === undefined ? 200 : 206, { etag, ...length, ...range });
    await this.#sendBody(first ?? 0, body, response);
  }

  async #sendBody(first: number, body: Uint8Array, response: ServerResponse): Promise<void> {
    const cutAt = this.behaviour.cuts?.shift();
    const half = cutAt ?? Math.floor(body.length / 2);
    await new Promise((resolve) => response.write(body.subarray(0, half), resolve));
    await this.behaviour.holdBody?.(first + half);
    if (cutAt === undefined) response.end(body.subarray(half));
    else response.socket?.destroySoon();
  }

  #sha256(bytes: Uint8Array): string {
    return this.behaviour.wrongSha256 ?? createHash('sha256').update(bytes).digest('hex');
  }

  #note(host: StubRequest['host'], request: IncomingMessage): string {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://stub').pathname);
    const { range, authorization } = request.headers;
    const ifRange = request.headers['if-range'];
    this.requests.push({
      host,
      method: request.method ?? '',
      path,
      range,
      ifRange: Array.isArray(ifRange) ? ifRange[0] : ifRange,
      authorization,
    });
    return path;
  }
}

/** Where a request's range begins; undefined when it has none or wants it of another version only. */
function firstByte(request: IncomingMessage, etag: string): number | undefined {
  const ifRange = request.headers['if-range'];
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  const first = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  return first === undefined ? undefined : Number(first);
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
