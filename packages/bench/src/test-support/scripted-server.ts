import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a completion goes: as it should, or wrong in one of the ways that a benchmark must notice. */
export type Script =
  | 'whole'
  | 'without usage'
  | 'fewer tokens'
  | 'more tokens'
  | 'no [DONE]'
  | 'no text'
  | 'other prompt'
  | 'error event'
  | 'not JSON'
  | 'HTTP 503'
  | 'cut connection';

export interface ScriptedServer {
  readonly url: string;
  /** What was asked for, in order of arrival. */
  readonly bodies: readonly { readonly prompt: readonly number[]; readonly [field: string]: unknown }[];
  /** Most requests that were there at once. */
  readonly concurrencyMax: number;
  close(): Promise<void>;
}

/**
 * A completion server that answers request n with `scripts[n]`, and the last of them from then on. It answers
 * none until `togetherMin` are there.
 */
export async function startScriptedServer(scripts: readonly Script[], togetherMin = 1): Promise<ScriptedServer> {
  const bodies: ScriptedServer['bodies'][number][] = [];
  let concurrency = 0;
  let concurrencyMax = 0;
  const held: (() => void)[] = [];
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ data: [{ id: 'scripted' }] }));
      return;
    }
    concurrencyMax = Math.max(concurrencyMax, ++concurrency);
    response.once('close', () => concurrency--);
    void readBody(request).then((body) => {
      const script = scripts[Math.min(bodies.length, scripts.length - 1)] ?? 'whole';
      bodies.push(body);
      held.push(() => play(script, body.prompt.length, Number(body.max_tokens), response));
      if (held.length >= togetherMin) for (const answer of held.splice(0)) answer();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    get concurrencyMax() {
      return concurrencyMax;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function readBody(request: IncomingMessage): Promise<ScriptedServer['bodies'][number]> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString('utf8'));
}

function play(script: Script, promptTokens: number, tokensMax: number, response: ServerResponse): void {
  if (script === 'HTTP 503') {
    response.writeHead(503).end('{"error":{"message":"no worker is there"}}');
    return;
  }
  const tokens = script === 'fewer tokens' ? tokensMax - 1 : script === 'more tokens' ? tokensMax + 1 : tokensMax;
  const events = completionEvents(script === 'no text' ? '' : 'é', tokens, {
    prompt_tokens: script === 'other prompt' ? promptTokens - 1 : promptTokens,
    completion_tokens: tokens,
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  switch (script) {
    case 'cut connection':
      response.write(events[0], () => response.destroy());
      return;
    case 'error event':
      response.end(`${events[0]}data: {"error":{"message":"the worker was lost"}}\n\n`);
      return;
    case 'not JSON':
      response.end('data: {"choices":\n\n');
      return;
    case 'without usage':
      response.end([...events.slice(0, -2), events.at(-1)].join(''));
      return;
    case 'no [DONE]':
      response.end(events.slice(0, -1).join(''));
      return;
    default:
      response.end(events.join(''));
  }
}

/** As OpenAI's completions stream: an event for each token, the finish, the usage, the end. */
export function completionEvents(text: string, tokens: number, usage: object): string[] {
  const event = (payload: object): string => `data: ${JSON.stringify(payload)}\n\n`;
  return [
    ...Array.from({ length: tokens }, () => event({ choices: [{ index: 0, text, finish_reason: null }] })),
    event({ choices: [{ index: 0, text: '', finish_reason: 'length' }] }),
    event({ choices: [], usage }),
    'data: [DONE]\n\n',
  ];
}
