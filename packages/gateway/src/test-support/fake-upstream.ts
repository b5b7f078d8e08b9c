import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request for text as a script sees it. */
export interface UpstreamRun {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly response: ServerResponse;
  /** 200 and the head of a stream. */
  open(): void;
  /** One event with this object as its data. */
  event(data: unknown): void;
  /** A chunk with text, of the endpoint that was asked. */
  say(text: string): void;
  /** Finish reason, counts, `[DONE]`, and the end. */
  finish(reason?: string): void;
  /** Bytes as they are. */
  raw(bytes: string | Uint8Array): void;
  reply(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Resets the connection. */
  reset(): void;
}

export interface FakeUpstreamOptions {
  readonly port?: number;
  readonly models?: readonly string[];
  /** What it does with a request; default: {@link sayHello}. */
  readonly onRun?: (run: UpstreamRun) => void;
  /** What `/health` answers; undefined: 404, as servers without it; `silence`: nothing. Default 200. */
  readonly health?: () => number | 'silence' | undefined;
  /** What `/metrics` answers; default 404. */
  readonly metrics?: () => string;
}

/** A server that speaks OpenAI's protocol over real sockets, and does what a test tells it. */
export interface FakeUpstream {
  readonly url: string;
  readonly port: number;
  readonly runs: UpstreamRun[];
  /** Requests whose client has left before they were answered. */
  readonly left: UpstreamRun[];
  /** Connections that were made for requests. */
  readonly connections: number;
  /** What was asked, health and all. */
  readonly asked: string[];
  close(): Promise<void>;
  /** Resolves as soon as `condition` holds, looked at after everything that happens. */
  until(condition: (upstream: FakeUpstream) => boolean): Promise<void>;
}

/** Says "Hello world" in two chunks. */
export function sayHello(run: UpstreamRun): void {
  run.open();
  run.say('Hello');
  run.say(' world');
  run.finish();
}

export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const { models = ['fake/model'], onRun = sayHello, health = () => 200, metrics } = options;
  const runs: UpstreamRun[] = [];
  const left: UpstreamRun[] = [];
  const asked: string[] = [];
  const waiters = new Set<() => void>();
  const sockets = new Set<Socket>();
  const runSockets = new Set<Socket>();
  const happened = (): void => {
    for (const waiter of waiters) waiter();
  };
  const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(`${request.method} ${path}`);
    if (request.method === 'POST') {
      const chunks: Buffer[] = [];
      runSockets.add(request.socket);
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const run = createRun(path, request.headers, JSON.parse(Buffer.concat(chunks).toString()), response);
        runs.push(run);
        response.on('close', () => {
          if (!response.writableEnded) left.push(run);
          happened();
        });
        onRun(run);
        happened();
      });
      return;
    }
    if (path.endsWith('/v1/models'))
      json(response, 200, { object: 'list', data: models.map((id) => ({ id, created: 7 })) });
    else if (path.endsWith('/metrics') && metrics !== undefined) response.end(metrics());
    else if (path.endsWith('/health')) {
      const status = health();
      if (status === undefined) json(response, 404, {});
      else if (status !== 'silence') json(response, status, {});
    } else json(response, 404, {});
    happened();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const upstream: FakeUpstream = {
    url: `http://127.0.0.1:${port}`,
    port,
    runs,
    left,
    asked,
    get connections() {
      return runSockets.size;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!condition(upstream)) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
      }),
  };
  return upstream;
}

function createRun(
  path: string,
  headers: IncomingHttpHeaders,
  body: Record<string, unknown>,
  response: ServerResponse,
): UpstreamRun {
  const isChat = path.endsWith('/chat/completions');
  let tokens = 0;
  const run: UpstreamRun = {
    path,
    headers,
    body,
    response,
    open: () => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      if (isChat)
        run.event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] });
    },
    event: (data) => run.raw(`data: ${JSON.stringify(data)}\n\n`),
    say: (text) => {
      tokens += 1;
      run.event({
        choices: [{ index: 0, ...(isChat ? { delta: { content: text } } : { text }), finish_reason: null }],
      });
    },
    finish: (reason = 'stop') => {
      run.event({ choices: [{ index: 0, ...(isChat ? { delta: {} } : { text: '' }), finish_reason: reason }] });
      run.event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens } });
      run.raw('data: [DONE]\n\n');
      response.end();
    },
    raw: (bytes) => void response.write(bytes),
    reply: (status, reply, more = {}) => {
      const text = typeof reply === 'string' ? reply : JSON.stringify(reply);
      response.writeHead(status, { 'content-type': 'application/json', ...more });
      response.end(text);
    },
    reset: () => void response.socket?.resetAndDestroy(),
  };
  return run;
}
