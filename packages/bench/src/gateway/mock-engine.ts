import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { MODEL } from './mock-text.js';

/**
 * An OpenAI-compatible engine that computes nothing, as a process of its own: `node mock-engine.js PORT STEP_MS`. It does
 * what mock-worker.ts does, over HTTP: each step every stream gains one token; one token comes at once.
 */
const [port = '', stepMs = ''] = process.argv.slice(2);
const streams = new Map<ServerResponse, number>();

const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: MODEL };
const event = (body: object): string => `data: ${JSON.stringify({ ...head, ...body })}\n\n`;
const choice = (delta: object, finishReason: string | null = null) => ({
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
});
const openEvent = event(choice({ role: 'assistant', content: '' }));
const tokenEvent = event(choice({ content: ' word' }));
const lastEvents = `${tokenEvent}${event(choice({}, 'length'))}data: [DONE]\n\n`;
const whole = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: ' word' }, logprobs: null, finish_reason: 'length' }],
  usage: { prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 },
});

setInterval(() => {
  for (const [response, left] of streams) {
    if (left > 1) {
      response.write(tokenEvent);
      streams.set(response, left - 1);
    } else {
      streams.delete(response);
      response.end(lastEvents);
    }
  }
}, Number(stepMs));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    const path = request.url?.split('?', 1)[0];
    sendJson(response, pages[path ?? ''] ?? { status: 'ok' });
    return;
  }
  let text = '';
  for await (const part of request) text += part;
  const { stream, max_tokens: tokens = 64 } = JSON.parse(text) as { stream?: boolean; max_tokens?: number };
  if (stream !== true) {
    sendJson(response, whole);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(openEvent);
  streams.set(response, tokens);
  response.on('close', () => streams.delete(response));
}

/** What routers ask engines before they send them requests. */
const pages: Readonly<Record<string, object>> = {
  '/v1/models': { object: 'list', data: [{ id: MODEL, object: 'model', created: 1_700_000_000, owned_by: 'mock' }] },
  '/get_model_info': { model_path: MODEL, is_generation: true },
  '/get_server_info': { model_path: MODEL, served_model_name: MODEL },
  '/server_info': { model_path: MODEL, served_model_name: MODEL },
  '/model_info': { model_path: MODEL, is_generation: true },
  '/version': { version: '0.1' },
};

function sendJson(response: ServerResponse, body: object | string): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

createServer((request, response) => void answer(request, response))
  .on('connection', (socket) => socket.setNoDelay(true))
  .listen(Number(port), '127.0.0.1', 8_192, () => process.stdout.write('ready\n'));
