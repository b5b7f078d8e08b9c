import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { WorkerMessage } from '../gen/sluice/v1/WorkerMessage.js';
import { prefixed } from '../message-splitter.js';
import { type AttachEnd, openAttach } from './attach-call.js';
import { workerServiceDefinition } from './definition.js';

const { requestDeserialize, responseSerialize } = workerServiceDefinition.Attach;
const frame = (number: number) => prefixed(responseSerialize({ frame: { frame: number } }));

let server: Http2Server | Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

async function listening(made: Http2Server | Server): Promise<string> {
  server = made;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Attaches to a server that answers each stream so, and waits for the end. */
async function ended(answer: (stream: ServerHttp2Stream) => void) {
  const address = await listening(createServer().on('stream', answer));
  return endAt(address);
}

function endAt(address: string): Promise<{ messages: WorkerMessage[]; end: AttachEnd }> {
  const messages: WorkerMessage[] = [];
  return new Promise((resolve) => {
    const call = openAttach(address, undefined, {
      onMessage: (message) => messages.push(message),
      onEnd: (end) => resolve({ messages, end }),
    });
    call.send({ attach: { gatewayId: 'g' } });
  });
}

function withStatus(stream: ServerHttp2Stream, trailers: Record<string, string>, ...frames: Buffer[]): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  for (const bytes of frames) stream.write(bytes);
  stream.end();
}

describe('openAttach', () => {
  it('sends what it is given and gives what comes, up to the end in order', async () => {
    const sent: unknown[] = [];
    const { messages, end } = await ended((stream) => {
      stream.on('data', (bytes: Buffer) => {
        sent.push(requestDeserialize(bytes.subarray(5)));
        withStatus(stream, { 'grpc-status': '0' }, frame(1), frame(2));
      });
    });
    expect(sent).toMatchObject([{ attach: { gatewayId: 'g' } }]);
    expect(messages.map((message) => message.frame?.frame)).toEqual([1, 2]);
    expect(end).toEqual({ kind: 'ended' });
  });

  it('tells the error that a worker ended it with', async () => {
    const trailers = { 'grpc-status': '14', 'grpc-message': 'it goes %E2%80%93 now', 'sluice-error-code': 'draining' };
    const { messages, end } = await ended((stream) => withStatus(stream, trailers, frame(1)));
    expect(messages).toHaveLength(1);
    expect(end).toMatchObject({ kind: 'told', error: { code: 'draining', message: 'it goes – now' } });
    const only = await ended((stream) => stream.respond({ ':status': 200, ...trailers }, { endStream: true }));
    expect(only.end).toEqual(end);
  });

  it('tells a status that no worker set, an answer that is none, and one that breaks off apart', async () => {
    const unknown = await ended((stream) =>
      withStatus(stream, { 'grpc-status': '12', 'grpc-message': 'no such method' }),
    );
    expect(unknown.end).toEqual({ kind: 'broken', problem: 'gRPC status 12: no such method', isNew: false });
    const page = await ended((stream) => stream.respond({ ':status': 404 }, { endStream: true }));
    expect(page.end).toMatchObject({ kind: 'broken', problem: 'it answered with HTTP status 404' });
    const broken = await ended((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(frame(1), () => stream.session?.destroy());
    });
    expect(broken.end).toMatchObject({ kind: 'broken', isNew: false });
    const garbled = await ended((stream) => withStatus(stream, {}, prefixed(Buffer.from([0x12, 0x7f]))));
    expect(garbled.end).toMatchObject({ kind: 'broken', problem: expect.stringContaining('cannot be read') });
  });

  it('says that there was no connection where nobody listens, or hangs up', async () => {
    const address = await listening(createTcpServer((socket) => socket.destroy()));
    expect((await endAt(address)).end).toMatchObject({ kind: 'broken', isNew: true });
    await new Promise((resolve) => server.close(resolve));
    expect((await endAt(address)).end).toMatchObject({ problem: `connect ECONNREFUSED ${address}`, isNew: true });
    await listening(createTcpServer());
  });

  it('is cancelled when it is closed, and tells nothing more', async () => {
    let cancelled: (code: number) => void = () => {};
    const code = new Promise<number>((resolve) => {
      cancelled = resolve;
    });
    const address = await listening(
      createServer().on('stream', (stream) => {
        stream.on('close', () => cancelled(stream.rstCode));
        stream.respond({ ':status': 200 });
        stream.write(frame(1));
      }),
    );
    const ends: AttachEnd[] = [];
    await new Promise<void>((resolve) => {
      const call = openAttach(address, undefined, {
        onMessage: () => {
          call.close();
          call.send({ cancel: { id: 1 } });
          resolve();
        },
        onEnd: (end) => ends.push(end),
      });
    });
    expect(await code).toBe(8);
    expect(ends).toEqual([]);
  });
});
