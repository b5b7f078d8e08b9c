import { afterEach, describe, expect, it } from 'vitest';
import type { RequestRecord } from '../load/stream-tally.js';
import { type Script, type ScriptedServer, startScriptedServer } from '../test-support/scripted-server.js';
import { CompletionClient } from './completion-client.js';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

async function ask(script: Script, nowMs?: () => number): Promise<RequestRecord> {
  server = await startScriptedServer([script]);
  const client = new CompletionClient({ url: server.url, model: 'scripted', ...(nowMs && { nowMs }) });
  try {
    return await client.send({ promptIds: [7, 8, 9], outputTokens: 4 });
  } finally {
    await client.close();
  }
}

describe('CompletionClient.send', () => {
  it('asks for exactly the tokens, greedily, streamed, and past any end of text', async () => {
    await ask('whole');
    expect(server?.bodies).toEqual([
      {
        model: 'scripted',
        prompt: [7, 8, 9],
        max_tokens: 4,
        temperature: 0,
        ignore_eos: true,
        stream: true,
        stream_options: { include_usage: true },
      },
    ]);
  });

  it('counts a whole stream, by its own clock', async () => {
    let nowMs = 1_000;
    const record = await ask('whole', () => (nowMs += 25));
    expect(record).toMatchObject({ outcome: 'complete', promptTokens: 3, outputTokens: 4, textEvents: 4, ttftMs: 25 });
    expect(record.gapsMs).toHaveLength(3);
  });

  it.each<[Script, RequestRecord['outcome'], RegExp]>([
    ['fewer tokens', 'truncated', /^3 of 4 tokens$/],
    ['no [DONE]', 'truncated', /^no \[DONE\]$/],
    ['no text', 'truncated', /^no text$/],
    ['more tokens', 'failed', /^5 tokens came/],
    ['other prompt', 'failed', /^usage says 2 prompt tokens/],
    ['error event', 'failed', /^error event: the worker was lost$/],
    ['not JSON', 'failed', /^unreadable stream/],
    ['HTTP 503', 'failed', /^HTTP 503: .*no worker is there/],
    ['cut connection', 'failed', /^connection: /],
  ])('notices %s', async (script, outcome, reason) => {
    const record = await ask(script);
    expect(record.outcome).toBe(outcome);
    expect(record.reason).toMatch(reason);
  });

  it('notices that nobody listens', async () => {
    server = await startScriptedServer(['whole']);
    const client = new CompletionClient({ url: server.url });
    await server.close();
    server = undefined;
    expect((await client.send({ promptIds: [1], outputTokens: 1 })).reason).toMatch(/ECONNREFUSED/);
    await client.close();
  });
});
