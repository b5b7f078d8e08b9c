import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dieWhenTold } from './mock-death.js';
import { MODEL, NUMBERED, tokenText } from './mock-text.js';

/**
 * An OpenAI-compatible engine that computes nothing, as a process of its own: `node mock-engine.js PORT STEP_MS
 * [numbered]`. It does what mock-worker.ts does, over HTTP: each step every stream gains one token; one token comes at
 * once.
 */
const [port = '', stepMs = '', numbers = ''] = process.argv.slice(2);
const isNumbered = numbers === NUMBERED;

interface Stream {
  left: number;
  readonly tokens: number;
}

const streams = new Map<ServerResponse, Stream>();
dieWhenTold(() => streams.size);

const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: MODEL };
const event = (body: object): string => `data: ${JSON.stringify({ ...head, ...body })}\n\n`;
const choice = (delta: object, finishReason: string | null = null) => ({
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
});
const openEvent = event(choice({ role: 'assistant', content: '' }));
const plainEvent = event(choice({ content: tokenText(1, false) }));
const lastEvents = `${event(choice({}, 'length'))}data: [DONE]\n\n`;
/** Made once where it is always the same: the mock must not cost what it is to measure. */
const tokenEvent = ({ left, tokens }: Stream): string =>
  isNumbered ? event(choice({ content: tokenText(tokens - left + 1, true) })) : plainEvent;
const whole = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: ' word' }, logprobs: null, finish_reason: 'length' }],
  usage: { prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 },
});

setInterval(() => {
  for (const [response, stream] of streams) {
    const text = tokenEvent(stream);
    stream.left -= 1;
    if (stream.left > 0) response.write(text);
    else {
      streams.delete(response);
      response.end(text + lastEvents);
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
  streams.set(response, { left: tokens, tokens });
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

// Node would close a connection that rests for 5 s, at times just when a gateway sends the next request on it.
createServer({ keepAliveTimeout: 600_000 }, (request, response) => void answer(request, response))
  .on('connection', (socket) => socket.setNoDelay(true))
  .listen(Number(port), '127.0.0.1', 8_192, () => process.stdout.write('ready\n'));
