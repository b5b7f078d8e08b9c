import { describe, expect, it } from 'vitest';
import { completionEvents } from '../test-support/scripted-server.js';
import { StreamTally } from './stream-tally.js';

const expected = { promptTokens: 5, outputTokens: 3 };
const usage = { prompt_tokens: 5, completion_tokens: 3 };
const events = completionEvents('a', 3, usage);

/** The record of a request sent at 100 ms whose pieces arrive at the given moments. */
function record(pieces: readonly (readonly [string, number])[]) {
  const tally = new StreamTally(expected, 100);
  for (const [text, nowMs] of pieces) tally.bytes(Buffer.from(text), nowMs);
  return tally.finish();
}

describe('StreamTally.finish', () => {
  it('measures the first text from the sending, and each further text from the one before', () => {
    const [first, second, third, ...end] = events as [string, string, string, ...string[]];
    expect(
      record([
        [first, 130],
        [second, 137.5],
        [third, 237.5],
        [end.join(''), 999],
      ]),
    ).toEqual({
      outcome: 'complete',
      reason: undefined,
      promptTokens: 5,
      outputTokens: 3,
      textEvents: 3,
      ttftMs: 30,
      gapsMs: [7.5, 100],
    });
  });

  it('does not take an empty first event for the first text', () => {
    const empty = 'data: {"choices":[{"text":"","finish_reason":null}]}\n\n';
    expect(
      record([
        [empty, 101],
        [events.join(''), 150],
      ]).ttftMs,
    ).toBe(50);
  });

  it('shows a server that says it streamed tokens and sent them in one piece', () => {
    const one = record([[completionEvents('aaa', 1, usage).join(''), 200]]);
    expect(one).toMatchObject({ outcome: 'complete', outputTokens: 3, textEvents: 1, gapsMs: [] });
  });

  it('counts the events with text where the server gives no usage', () => {
    const silent = record([[events.filter((event) => !event.includes('usage')).join(''), 200]]);
    expect(silent).toMatchObject({ outcome: 'complete', outputTokens: 3 });
  });

  it.each([
    ['2 of 3 tokens', completionEvents('a', 2, { ...usage, completion_tokens: 2 })],
    ['no finish_reason', events.filter((event) => !event.includes('"length"'))],
    ['no [DONE]', events.slice(0, -1)],
    ['no text', completionEvents('', 3, usage)],
    ['0 of 3 tokens', []],
  ])('calls a stream truncated: %s', (reason, pieces) => {
    expect(record([[pieces.join(''), 200]])).toMatchObject({ outcome: 'truncated', reason });
  });

  it.each([
    ['4 tokens came, 3 were asked for', completionEvents('a', 4, { ...usage, completion_tokens: 4 })],
    ['usage says 4 prompt tokens, 5 were sent', completionEvents('a', 3, { ...usage, prompt_tokens: 4 })],
    ['error event: lost', [...events, 'data: {"error":{"message":"lost"}}\n\n']],
  ])('calls a stream failed: %s', (reason, pieces) => {
    expect(record([[pieces.join(''), 200]])).toMatchObject({ outcome: 'failed', reason });
  });

  it('keeps the first failure, and what came after it counts no more', () => {
    const tally = new StreamTally(expected, 0);
    tally.bytes(Buffer.from('data: nonsense\n\n'), 1);
    tally.bytes(Buffer.from(events.join('')), 2);
    tally.fail('connection: closed');
    const { outcome, reason, textEvents } = tally.finish();
    expect({ outcome, textEvents }).toEqual({ outcome: 'failed', textEvents: 0 });
    expect(reason).toMatch(/^unreadable stream: .*JSON/);
  });
});

describe('StreamTally.bytes', () => {
  it('tells who watches of each text as it comes', () => {
    const seen: [string, number][] = [];
    const watch = { first: (ms: number) => seen.push(['first', ms]), gap: (ms: number) => seen.push(['gap', ms]) };
    const tally = new StreamTally(expected, 100, watch);
    tally.bytes(Buffer.from(events[0]!), 130);
    tally.bytes(Buffer.from(events[1]!), 137);
    expect(seen).toEqual([
      ['first', 30],
      ['gap', 7],
    ]);
  });

  it('reads what llama-server says of the prompt', () => {
    // Its last event before the end, as llama-cpp-python 0.3.36 sent it; names and ids shortened.
    const recorded =
      'data: {"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"created":1795265643,' +
      '"object":"text_completion","usage":{"completion_tokens":4,"prompt_tokens":7,"total_tokens":11,' +
      '"prompt_tokens_details":{"cached_tokens":0}},"id":"chatcmpl-1","timings":{"cache_n":0,"prompt_n":7,' +
      '"prompt_ms":28.19,"prompt_per_token_ms":4.027142857142858,"prompt_per_second":248.3150053210358,' +
      '"predicted_n":4,"predicted_ms":25.199,"predicted_per_token_ms":8.399666666666667}}\n\n';
    const tally = new StreamTally({ promptTokens: 7, outputTokens: 4 }, 0);
    const text = 'data: {"choices":[{"text":" original","index":0,"logprobs":null,"finish_reason":null}]}\n\n';
    for (let token = 0; token < 4; token++) tally.bytes(Buffer.from(text), 40 + 8 * token);
    tally.bytes(Buffer.from(`${recorded}data: [DONE]\n\n`), 80);
    expect(tally.finish()).toMatchObject({ outcome: 'complete', ttftMs: 40, promptMs: 28.19 });
  });
});
