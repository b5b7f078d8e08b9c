import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { messageBytesMax } from '../channel-options.js';
import type { GatewayMessageInit } from '../gen/sluice/v1/GatewayMessage.js';
import type { WorkerMessage } from '../gen/sluice/v1/WorkerMessage.js';
import { MessageSplitter, prefixed } from '../message-splitter.js';
import { statusToError, type WireError } from '../status.js';
import { workerServiceDefinition } from './definition.js';
import { serverIdentity, type TlsOptions } from './worker-client.js';

/** How an `Attach` stream ended. */
export type AttachEnd =
  /** In order, without an error. */
  | { readonly kind: 'ended' }
  /** By the worker, which said why. */
  | { readonly kind: 'told'; readonly error: WireError }
  /** Otherwise. `isNew`: there was no connection yet. */
  | { readonly kind: 'broken'; readonly problem: string; readonly isNew: boolean };

export interface AttachListener {
  onMessage(message: WorkerMessage): void;
  /** Once, whoever ended it; nothing comes after. Not called after `close`. */
  onEnd(end: AttachEnd): void;
}

/** One `Attach` stream on a connection of its own. */
export interface AttachCall {
  /** Messages that wait because the worker does not read. */
  readonly unsentCount: number;
  send(message: GatewayMessageInit): void;
  /** Cancels it, if it has not ended. */
  close(): void;
}

const { path, requestSerialize, responseDeserialize } = workerServiceDefinition.Attach;

/**
 * Opens an `Attach` stream to the worker at `address` (`host:port`) as the gRPC protocol has it over HTTP/2
 * (grpc/doc/PROTOCOL-HTTP2.md), and without grpc-js: a frame a step goes through seven layers there, which was three tenths
 * of what a gateway does for a lone stream. No retry, no deadline, no keepalive: whoever attaches looks after silence itself.
 */
export function openAttach(address: string, tls: TlsOptions | undefined, listener: AttachListener): AttachCall {
  const session = connectTo(address, tls);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const fate = new StreamFate();
  const splitter = new MessageSplitter(messageBytesMax, responseDeserialize);
  let isOpen = true;
  let unsentCount = 0;
  const sent = (): void => {
    unsentCount -= 1;
  };
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    session.destroy();
    listener.onEnd(fate.end);
  };
  const fail = (cause: Error): void => {
    fate.fail(cause);
    end();
  };

  session.once('remoteSettings', () => fate.connected());
  session.on('error', fail);
  session.once('close', end);
  stream.on('error', fail);
  stream.once('response', (headers) => fate.headers(headers));
  stream.once('trailers', (headers) => fate.headers(headers));
  // After the status, while this side has not said that it sends no more; 'close' would wait for that.
  stream.once('end', end);
  stream.once('close', end);
  stream.on('data', (bytes: Buffer) => {
    const problem = splitter.push(bytes, (message) => {
      if (isOpen) listener.onMessage(message);
    });
    if (problem !== undefined) fail(problem);
  });

  return {
    get unsentCount() {
      return unsentCount;
    },
    send: (message) => {
      if (!isOpen) return;
      unsentCount += 1;
      stream.write(prefixed(requestSerialize(message)), sent);
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      cancel(session, stream);
    },
  };
}

/** What is known of how the stream ends, while it ends. */
class StreamFate {
  #isNew = true;
  #problem: string | undefined;
  #status: IncomingHttpHeaders | undefined;

  /** The other side speaks HTTP/2. */
  connected(): void {
    this.#isNew = false;
  }

  /** The first failure tells most. A stream whose session has failed is cancelled, and that is all it says itself. */
  fail(failure: Error & { readonly code?: string }): void {
    const cause = failure.code === 'ERR_HTTP2_STREAM_CANCEL' ? failure.cause : failure;
    if (cause instanceof Error) this.#problem ??= cause.message;
  }

  headers(headers: IncomingHttpHeaders): void {
    const status = headers[constants.HTTP2_HEADER_STATUS];
    if (headers['grpc-status'] !== undefined) this.#status = headers;
    else if (status !== undefined && Number(status) !== 200) this.#problem ??= `it answered with HTTP status ${status}`;
  }

  get end(): AttachEnd {
    const status = this.#status;
    if (status === undefined) {
      return { kind: 'broken', problem: this.#problem ?? 'the connection was closed', isNew: this.#isNew };
    }
    const code = Number(status['grpc-status']);
    if (code === 0) return { kind: 'ended' };
    const details = detailsOf(status);
    const error = statusToError({ code, details, metadata: Metadata.fromHttp2Headers(status) });
    if (error !== undefined) return { kind: 'told', error };
    return { kind: 'broken', problem: `gRPC status ${code}: ${details}`, isNew: false };
  }
}

function detailsOf(status: IncomingHttpHeaders): string {
  const message = String(status['grpc-message'] ?? '');
  try {
    return decodeURI(message);
  } catch {
    return message;
  }
}

function connectTo(address: string, tls: TlsOptions | undefined): ClientHttp2Session {
  // As grpc-js has it: what waits to be sent is bounded by who sends.
  const options = { maxSessionMemory: Number.MAX_SAFE_INTEGER };
  if (tls === undefined) return connect(`http://${address}`, options);
  const { sentName, checkServerIdentity } = serverIdentity(address, tls);
  return connect(`https://${address}`, {
    ...options,
    ...{ ca: tls.authority, cert: tls.certificate, key: tls.key, checkServerIdentity },
    servername: sentName,
  });
}

function cancel(session: ClientHttp2Session, stream: ClientHttp2Stream): void {
  if (session.connecting || stream.closed) session.destroy();
  else stream.close(constants.NGHTTP2_CANCEL, () => session.destroy());
}
