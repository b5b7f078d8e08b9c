import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { EventStream } from './event-stream.js';

let server: Server;

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function serve(answer: (response: ServerResponse, path: string) => void): Promise<number> {
  server = createServer((request, response) => answer(response, request.url ?? ''));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** All that comes back until the server closes. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(request);
  return await text(socket);
}

const get = (path: string, version = '1.1'): string => `GET ${path} HTTP/${version}\r\nhost: x\r\n\r\n`;

const events = ['data: one\n\n', 'data: “zwei” 🌍\n\n', '', `data: ${'x'.repeat(70_000)}\n\n`, 'data: [DONE]\n\n'];

function writeAll(response: ServerResponse): void {
  const stream = new EventStream(response, { 'content-type': 'text/event-stream' });
  for (const one of events.slice(0, -1)) stream.write(one);
  stream.end(events.at(-1)!);
}

describe('EventStream', () => {
  it('brings events of any text to a client, and leaves the connection usable', async () => {
    const port = await serve(writeAll);
    for (let round = 0; round < 2; round++) {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      expect(await response.text()).toBe(events.join(''));
    }
  });

  it('writes what Node itself would, byte for byte', async () => {
    const port = await serve((response, path) => {
      response.sendDate = false;
      if (path === '/own') return writeAll(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const one of events) response.write(one);
      response.end();
    });
    expect(await exchange(port, get('/own'))).toBe(await exchange(port, get('/usual')));
  });

  it('keeps the order of requests that were sent ahead', async () => {
    const waiting: ServerResponse[] = [];
    const port = await serve((response, path) => {
      response.sendDate = false;
      waiting.push(response);
      if (path !== '/second') return;
      // The second answer is ready first.
      for (const one of [...waiting].reverse()) writeAll(one);
    });
    const answers = await exchange(port, get('/first') + get('/second'));
    const [, first, second] = answers.split('HTTP/1.1 200 OK');
    expect(first).toContain('[DONE]');
    expect(second).toBe(first);
  });

  it('sends bare events to clients of HTTP/1.0', async () => {
    const port = await serve(writeAll);
    const answer = await exchange(port, get('/', '1.0'));
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(events.join(''));
  });

  it('sends head, events and end at once where all come together', async () => {
    const port = await serve((response) => new EventStream(response, {}).end('data: [DONE]\n\n'));
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toBe('data: [DONE]\n\n');
  });

  it('leaves no error behind when the client has gone', async () => {
    let stream: EventStream | undefined;
    let connection: Socket | undefined;
    const port = await serve((response) => {
      connection = response.socket!;
      stream = new EventStream(response, {});
      stream.write('data: one\n\n');
    });
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(get('/'));
    await once(socket, 'data');
    socket.resetAndDestroy();
    await new Promise((resolve) => connection?.once('close', resolve));
    stream?.write('data: two\n\n');
    stream?.end('data: [DONE]\n\n');
    await new Promise((resolve) => setImmediate(resolve));
  });
});
