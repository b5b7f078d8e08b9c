import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noModel, startUp, type UpServer } from './up-server.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

type Messages = OpenAI.ChatCompletionMessageParam[];

const question: Messages = [
  { role: 'system', content: 'You are a patient teacher. You answer in one short sentence, and you never use lists.' },
  { role: 'user', content: 'What is the capital of France?' },
];

let server: UpServer | undefined;

beforeEach((context) => {
  if (noModel !== undefined) context.skip(noModel);
});

afterEach(() => server?.process.killAll());

describe('--prefix-cache', () => {
  it("on: a chat's next turn computes only what is new, and the text is the same as with off", async () => {
    await start('on');
    const first = await ask(question);
    const answer = first.choices[0]?.message.content ?? '';
    const next: Messages = [
      ...question,
      { role: 'assistant', content: answer },
      { role: 'user', content: 'And the capital of Italy?' },
    ];
    const second = await ask(next);
    expect(cachedTokens(second)).toBeGreaterThanOrEqual((first.usage?.prompt_tokens ?? Number.NaN) - 2);
    expect(cachedTokens(second)).toBeLessThan(second.usage?.prompt_tokens ?? 0);
    expect(await metric('sluice_gateway_prompt_cached_tokens_total')).toBeGreaterThanOrEqual(cachedTokens(second));
    server?.process.killAll();

    await start('off');
    await ask(question);
    const cold = await ask(next);
    expect(cachedTokens(cold)).toBe(0);
    expect(cold.choices).toEqual(second.choices);
  });
});

async function start(prefixCache: 'on' | 'off'): Promise<void> {
  server = await startUp(['--prefix-cache', prefixCache]);
}

/** With log-probabilities, which would show the smallest difference. */
function ask(messages: Messages): Promise<OpenAI.ChatCompletion> {
  const client = new OpenAI({ baseURL: `${server?.url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 60_000 });
  const options = { temperature: 0, max_tokens: 30, logprobs: true, top_logprobs: 5 } as const;
  return client.chat.completions.create({ model: server?.model ?? '', messages, ...options });
}

function cachedTokens({ usage }: OpenAI.ChatCompletion): number {
  return usage?.prompt_tokens_details?.cached_tokens ?? Number.NaN;
}

async function metric(name: string): Promise<number> {
  const page = await (await fetch(`${server?.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(page)?.[1]);
}
