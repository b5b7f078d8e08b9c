import { type Rng, seededRng } from '@sluice/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => gateway.stop());

const bodies: Readonly<Record<string, unknown>> = {
  '/v1/chat/completions': {
    model: 'fake/model',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Grüße 😀' }], name: 'me' },
    ],
    max_completion_tokens: 5,
    temperature: 0.5,
    logit_bias: { 5: 1 },
    stop: ['a', 'b'],
    logprobs: true,
    top_logprobs: 2,
    stream: true,
    stream_options: { include_usage: true },
    tools: [],
    metadata: { a: 'b' },
  },
  '/v1/completions': { prompt: [[1, 2, 3]], max_tokens: 3, logprobs: 2, seed: 5, top_k: 4, min_p: 0.1, echo: false },
  '/v1/responses': {
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'Grüße 😀' }] },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: 'x' },
    ],
    instructions: 'Be brief.',
    max_output_tokens: 5,
    include: ['message.output_text.logprobs'],
    top_logprobs: 2,
    tools: [{ type: 'function', name: 'f', parameters: { type: 'object' }, strict: false }],
    tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
    text: { format: { type: 'json_schema', name: 'x', schema: { type: 'object' } } },
    metadata: { a: 'b' },
    previous_response_id: null,
  },
  '/v1/messages': {
    model: 'fake/model',
    max_tokens: 5,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: 'Grüße 😀' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'x' }] }] },
    ],
    tools: [{ name: 'f', input_schema: { type: 'object' } }],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    stop_sequences: ['a'],
    output_config: { format: { type: 'json_schema', schema: {} } },
    metadata: { user_id: 'me' },
    stream: true,
  },
};

const strangers: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  0.1,
  2 ** 53,
  '',
  'x',
  'x'.repeat(5000),
  '\ud800',
  '\u0000',
  [],
  [[]],
  [null],
  {},
  { a: {} },
  { toString: 1 },
  { length: -1 },
  '__proto__',
  'constructor',
  Array(5000).fill(0),
  { type: 'text' },
];

describe('a body that chance has changed', () => {
  it('gets an answer or an error of its own fault, never one of ours', async () => {
    const rng = seededRng(20_261_121);
    const statuses = new Map<number, number>();
    for (let i = 0; i < 600; i++) {
      const path = Object.keys(bodies)[i % 4]!;
      const body = i % 3 === 0 ? garble(JSON.stringify(bodies[path]), rng) : JSON.stringify(mutate(bodies[path], rng));
      const response = await gateway.post(path, body, { signal: AbortSignal.timeout(5000) });
      const reply = await response.text();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.status === 200) continue;
      expect(response.status, `${body} got ${reply}`).toBeGreaterThanOrEqual(400);
      expect(response.status, `${body} got ${reply}`).toBeLessThan(500);
      expect(JSON.parse(reply)).toHaveProperty('error.message');
    }
    // Chance that never makes a good body or a bad one tests nothing.
    expect(statuses.get(200)).toBeGreaterThan(20);
    expect(statuses.get(400)).toBeGreaterThan(200);
  });
});

/** A copy in which one place, drawn at random, holds something else, is gone, or has a new neighbour. */
function mutate(value: unknown, rng: Rng): unknown {
  const stranger = () => strangers[rng.below(strangers.length)];
  if (typeof value !== 'object' || value === null || rng.below(4) === 0) return stranger();
  if (Array.isArray(value)) {
    if (value.length === 0 || rng.below(4) === 0) return [...value, stranger()];
    const at = rng.below(value.length);
    return value.map((entry, i) => (i === at ? mutate(entry, rng) : entry));
  }
  const keys = Object.keys(value);
  const key = keys[rng.below(keys.length + 1)];
  if (key === undefined) return JSON.parse(`{"__proto__":1,${JSON.stringify(value).slice(1)}`);
  const entries = Object.entries(value).filter(([name]) => name !== key || rng.below(4) > 0);
  return Object.fromEntries(entries.map(([name, entry]) => [name, name === key ? mutate(entry, rng) : entry]));
}

/** Bytes cut, doubled or replaced. */
function garble(text: string, rng: Rng): string {
  const at = rng.below(text.length);
  const to = at + rng.below(8);
  switch (rng.below(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(rng.below(256)) + text.slice(at + 1);
  }
}
