import { Pool } from 'undici';
import type { UpstreamAnswer, UpstreamClient } from '../upstreams/upstream-client.js';

export interface UndiciUpstreamOptions {
  /** Sent as a bearer token with every request. */
  readonly key?: string;
  /** Connections for requests; questions about the upstream itself have some of their own. */
  readonly connectionsMax: number;
}

/** For questions, so that none waits behind a stream. */
const questionConnections = 4;
const connectTimeoutMs = 2_000;

/** Requests to the upstream at `address`: an origin, with the path that stands in front of every path, if any. */
export function undiciUpstreamClient(address: string, { key, connectionsMax }: UndiciUpstreamOptions): UpstreamClient {
  const { origin, pathname } = new URL(address);
  const prefix = pathname.replace(/\/$/, '');
  const options = {
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    // What takes too long is for the worker to say, which knows what has come.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const streams = new Pool(origin, { ...options, connections: connectionsMax });
  const questions = new Pool(origin, { ...options, connections: questionConnections });
  const common = {
    'accept-encoding': 'identity',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  return {
    post: (path, headers, body, listener) => {
      let abort: ((reason: Error) => void) | undefined;
      let isOver = false;
      let wasSent = false;
      let isPosted = false;
      streams.dispatch(
        {
          path: prefix + path,
          method: 'POST',
          headers: { ...common, ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
          body,
        },
        {
          onRequestStart: (controller) => {
            wasSent = true;
            abort = (reason) => controller.abort(reason);
            if (isOver) abort(aborted);
          },
          onResponseStart: (_, status, given) => {
            // 1xx: only a hint of what comes.
            if (!isOver && status >= 200) listener.onHead(status, given);
          },
          onResponseData: (_, chunk) => {
            if (!isOver) listener.onData(chunk);
          },
          onResponseEnd: () => {
            if (isOver) return;
            isOver = true;
            listener.onEnd();
          },
          onResponseError: (_, error) => {
            if (isOver) return;
            isOver = true;
            // undici says at once what it cannot send at all.
            if (isPosted) listener.onError(error, wasSent);
            else queueMicrotask(() => listener.onError(error, wasSent));
          },
        },
      );
      isPosted = true;
      return {
        abort: () => {
          if (isOver) return;
          isOver = true;
          abort?.(aborted);
        },
      };
    },
    get: async (path, { bytesMax, timeoutMs }): Promise<UpstreamAnswer> => {
      const { statusCode, body } = await questions.request({
        path: prefix + path,
        method: 'GET',
        headers: common,
        signal: AbortSignal.timeout(timeoutMs),
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of body) {
        chunks.push(chunk);
        bytes += chunk.length;
        // Leaving the loop closes the connection.
        if (bytes > bytesMax) throw new Error(`the reply to GET ${path} has more than ${bytesMax} bytes`);
      }
      return { status: statusCode, body: Buffer.concat(chunks).toString('utf8') };
    },
    close: () => {
      void streams.destroy().catch(() => {});
      void questions.destroy().catch(() => {});
    },
  };
}

/** One for all, because nobody reads where it was made. */
const aborted = new Error('the request was given up');
