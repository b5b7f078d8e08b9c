import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listModels, streamChat } from './chat-stream.js';

let server: http.Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(handler: http.RequestListener): Promise<string> {
  server = http.createServer(handler);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ask = (url: string) => ({ url, model: 'm', messages: [{ role: 'user', content: 'hi' }] as const });

const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

describe('streamChat', () => {
  it('gives the pieces as they come and the whole at the end', async () => {
    let body = '';
    const url = await serve((request, response) => {
      request.on('data', (data) => {
        body += data;
      });
      request.on('end', () => {
        response.write('data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n');
        response.write(chunk('Par') + chunk('is.'));
        response.write('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n');
        response.end('data: {"choices":[],"usage":{"completion_tokens":3}}\n\ndata: [DONE]\n\n');
      });
    });
    const pieces: string[] = [];
    const answer = await streamChat({ ...ask(url), tokensMax: 5, temperature: 0 }, (piece) => pieces.push(piece));
    expect(pieces).toEqual(['Par', 'is.']);
    expect(answer).toMatchObject({ text: 'Paris.', finishReason: 'stop', completionTokens: 3 });
    expect(JSON.parse(body)).toMatchObject({ stream: true, max_tokens: 5, temperature: 0, model: 'm' });
  });
  it('says so when the stream ends before its end', async () => {
    const url = await serve((_, response) => response.end(chunk('Par')));
    await expect(streamChat(ask(url))).rejects.toThrow('the answer broke off: the server closed the stream');
  });
  it('passes on an error in the middle of the stream', async () => {
    const url = await serve((_, response) =>
      response.end(`${chunk('Par')}data: {"error":{"message":"the worker died"}}\n\n`),
    );
    await expect(streamChat(ask(url))).rejects.toThrow('the answer broke off: the worker died');
  });
  it("passes on the server's refusal", async () => {
    const url = await serve((_, response) =>
      response.writeHead(400).end(JSON.stringify({ error: { message: 'max_tokens -1 must be at least 1' } })),
    );
    await expect(streamChat(ask(url))).rejects.toThrow('answered 400: max_tokens -1 must be at least 1');
  });
});

describe('listModels', () => {
  it('lists the ids', async () => {
    const url = await serve((_, response) => response.end('{"data":[{"id":"a"},{"id":"b"}]}'));
    expect(await listModels(url)).toEqual(['a', 'b']);
  });
  it('says what to start when nothing answers', async () => {
    const url = await serve(() => {});
    await new Promise((resolve) => server?.close(resolve));
    await expect(listModels(url)).rejects.toThrow(`nothing answers at ${url}; start a server with: sluice up`);
  });
});
