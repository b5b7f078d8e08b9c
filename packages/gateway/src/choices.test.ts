import type { GenerateEventInit, TokenLogprobInit } from '@sluice/proto';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, type FakeWorkerOptions, finished } from './test-support/fake-worker.js';
import {
  readEvents,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from './test-support/start-test-gateway.js';

let gateway: TestGateway;
let openai: OpenAI;
afterEach(() => gateway.stop());

async function start(onSubmit?: (run: FakeRun) => void, options: TestGatewayOptions = {}): Promise<void> {
  const fake: FakeWorkerOptions = onSubmit === undefined ? {} : { onSubmit };
  gateway = await startTestGateway({ fakes: [fake], ...options });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

const ask = { model: 'fake/model', messages: [{ role: 'user' as const, content: 'Hi' }] };

/** Answers with its seed, in one step. */
function seedScript(run: FakeRun): void {
  run.send({ accepted: { promptTokens: 7 } });
  run.send({ tokenIds: [1], text: `${run.request.sampling?.seed}`, finished: finished('FINISH_REASON_STOP', 1) });
}

/** Answers when it has been asked so many times, the last one first. */
function whenAsked(count: number, answer: (run: FakeRun, index: number) => void): (run: FakeRun) => void {
  const runs: FakeRun[] = [];
  return (run) => {
    runs.push(run);
    if (runs.length < count) return;
    for (const [index, one] of [...runs.entries()].reverse()) answer(one, index);
  };
}

describe('several choices', () => {
  it('come in one reply, each with a seed of its own, the prompt counted once', async () => {
    await start(seedScript);
    const reply = await openai.chat.completions.create({ ...ask, n: 3, seed: 40 });
    expect(reply.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, '40'],
      [1, '41'],
      [2, '42'],
    ]);
    expect(reply.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 });
    expect(new Set(gateway.worker.requests.map(({ group }) => group)).size).toBe(1);
    expect(gateway.worker.requests[0]?.group).toBeGreaterThan(0);
  });

  it('stream side by side and end with the last of them', async () => {
    await start(
      whenAsked(2, (run, index) => {
        run.send({ accepted: { promptTokens: 7 } });
        run.send({ tokenIds: [1], text: `a${index}` });
        run.send({ tokenIds: [2], text: `b${index}`, finished: finished('FINISH_REASON_STOP', 2) });
      }),
    );
    const texts = ['', ''];
    const reasons: (string | null | undefined)[] = [];
    let last: OpenAI.ChatCompletionChunk | undefined;
    const stream = await openai.chat.completions.create({
      ...ask,
      n: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      for (const { index, delta, finish_reason } of chunk.choices) {
        texts[index] += delta.content ?? '';
        if (finish_reason) reasons[index] = finish_reason;
      }
      last = chunk;
    }
    expect(texts).toEqual(['a0b0', 'a1b1']);
    expect(reasons).toEqual(['stop', 'stop']);
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 4 } });
  });

  it('answer a list of prompts, in its order, as each would be answered alone', async () => {
    await start(
      whenAsked(4, (run) => {
        run.send({ accepted: { promptTokens: run.request.text?.length ?? 0 } });
        const { text, sampling } = run.request;
        run.send({
          tokenIds: [1],
          text: `${text}/${sampling?.seed}`,
          finished: { ...finished('FINISH_REASON_STOP', 1), promptTokens: text?.length ?? 0 },
        });
      }),
    );
    const reply = await openai.completions.create({ model: 'fake/model', prompt: ['one', 'three'], n: 2, seed: 5 });
    expect(reply.choices.map(({ text }) => text)).toEqual(['one/5', 'one/6', 'three/5', 'three/6']);
    expect(reply.usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 4 });
  });

  it('draw apart for equal prompts where no seed is given', async () => {
    await start(seedScript);
    const reply = await openai.completions.create({
      model: 'fake/model',
      prompt: [
        [1, 2],
        [1, 2],
      ],
    });
    expect(reply.choices[0]?.text).not.toBe(reply.choices[1]?.text);
  });

  it('fail as one with the first that fails, and the others stop', async () => {
    await start(
      whenAsked(3, (run, index) => {
        run.send({ accepted: { promptTokens: 7 } });
        if (index === 1) run.send({ failed: { code: 'context_length_exceeded', message: 'too long', field: '' } });
      }),
    );
    const failure = await openai.chat.completions.create({ ...ask, n: 3 }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 400, code: 'context_length_exceeded' });
    await gateway.worker.until(({ cancelled }) => cancelled.length === 2);
  });

  it('end their stream with one error event', async () => {
    await start(
      whenAsked(2, (run, index) => {
        run.send({ accepted: { promptTokens: 7 } });
        run.send({ tokenIds: [1], text: 'x' });
        if (index === 0) run.send({ failed: { code: 'internal', message: 'broken', field: '' } });
      }),
    );
    const events = await readEvents(await gateway.chat({ n: 2, stream: true }));
    expect(events.filter((event) => JSON.stringify(event).includes('error'))).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ error: { code: 'internal' } });
  });

  it('are all cancelled when their client leaves', async () => {
    await start((run) => run.send({ accepted: { promptTokens: 7 } }, { tokenIds: [1], text: 'x' }));
    const abort = new AbortController();
    const response = await gateway.chat({ n: 3, stream: true }, { signal: abort.signal });
    expect(response.status).toBe(200);
    await gateway.worker.until(({ requests }) => requests.length === 3);
    abort.abort();
    await gateway.worker.until(({ cancelled }) => cancelled.length === 3);
    expect(new Set(gateway.worker.cancelled).size).toBe(3);
  });

  it('go on by themselves when their worker is lost', async () => {
    let lives = 0;
    await start(undefined, {
      fakes: [0, 1].map(() => ({
        onSubmit: (run) => {
          const behind = run.request.generatedTokenIds;
          run.send({ accepted: { promptTokens: 7 } });
          if (behind.length > 0) {
            run.send({ tokenIds: [9], text: `|${behind.join()}`, finished: finished('FINISH_REASON_STOP', 2) });
            return;
          }
          lives += 1;
          run.send({ tokenIds: [lives], text: `first ${lives}` });
          if (lives === 2) setImmediate(() => gateway.workers.find(({ requests }) => requests.length === 2)?.cut());
        },
      })),
      routing: 'least-load',
    });
    const reply = await openai.chat.completions.create({ ...ask, n: 2 });
    expect(reply.choices.map(({ message }) => message.content).sort()).toEqual(['first 1|1', 'first 2|2']);
  });

  it('take a place each among the requests in flight', async () => {
    await start(seedScript, { requestsMax: 3 });
    await expect(openai.chat.completions.create({ ...ask, n: 4 })).rejects.toMatchObject({ status: 429 });
    expect((await openai.chat.completions.create({ ...ask, n: 3 })).choices).toHaveLength(3);
  });

  it('are the likeliest of those that were drawn', async () => {
    await start(
      whenAsked(3, (run, index) => {
        run.send({ accepted: { promptTokens: 7 } });
        const logprobs = [logprob('a', [-2, -0.5, -1][index] ?? 0)];
        run.send({ tokenIds: [1], text: `answer ${index}`, logprobs, finished: finished('FINISH_REASON_STOP', 1) });
      }),
    );
    const reply = await openai.completions.create({ model: 'fake/model', prompt: 'x', n: 2, best_of: 3 });
    expect(reply.choices.map(({ index, text, logprobs }) => [index, text, logprobs])).toEqual([
      [0, 'answer 1', null],
      [1, 'answer 2', null],
    ]);
    expect(reply.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3 });
  });
});

describe('echo', () => {
  const prompt: TokenLogprobInit[] = [logprob('On', 0), logprob('ce', -1, logprob('ly', -0.25)), logprob(' up', -3)];
  const answer: GenerateEventInit = {
    tokenIds: [4],
    text: 'on',
    logprobs: [logprob('on', -0.5)],
    finished: finished('FINISH_REASON_LENGTH', 1),
  };

  it('scores the prompt in front of the answer', async () => {
    await start((run) => {
      run.send({ accepted: { promptTokens: 3 }, promptReport: { logprobs: prompt.slice(0, 2) } });
      run.send({ promptReport: { logprobs: prompt.slice(2) } });
      run.send(answer);
    });
    const reply = await openai.completions.create({ ...echo, prompt: 'Once up', max_tokens: 1, logprobs: 1 });
    expect(reply.choices[0]?.text).toBe('Once upon');
    expect(reply.choices[0]?.logprobs).toEqual({
      tokens: ['On', 'ce', ' up', 'on'],
      token_logprobs: [null, -1, -3, -0.5],
      top_logprobs: [null, { ly: -0.25, ce: -1 }, { ' up': -3 }, { on: -0.5 }],
      text_offset: [0, 2, 4, 7],
    });
    expect(gateway.worker.requests[0]).toMatchObject({ promptLogprobs: true, logprobs: true, logprobsTop: 1 });
  });

  it('scores a prompt alone where nothing is to be generated', async () => {
    await start((run) => {
      expect(run.request).toMatchObject({ noGeneration: true, tokensMax: 0, logprobs: false, promptLogprobs: true });
      run.send({ accepted: { promptTokens: 3 } });
      run.send({ promptReport: { logprobs: prompt }, finished: finished('FINISH_REASON_LENGTH', 0) });
    });
    const reply = await openai.completions.create({ ...echo, prompt: [5, 6, 7], max_tokens: 0, logprobs: 0 });
    expect(reply.choices[0]).toMatchObject({ text: 'Once up', finish_reason: 'length' });
    expect(reply.choices[0]?.logprobs?.token_logprobs).toEqual([null, -1, -3]);
    expect(reply.usage?.completion_tokens).toBe(0);
  });

  it.each([true, false])('gives a text back without asking what it scores (stream: %s)', async (stream) => {
    await start((run) => {
      expect(run.request.promptLogprobs).toBe(false);
      run.send({ accepted: { promptTokens: 3 } });
      run.send({ tokenIds: [1], text: 'on' });
      run.send({ tokenIds: [2], text: ' a', finished: finished('FINISH_REASON_LENGTH', 2) });
    });
    const response = await gateway.post('/v1/completions', { prompt: 'Once up', echo: true, stream });
    const texts = stream
      ? (await readEvents(response)).flatMap(
          (event) => (event as OpenAI.Completion).choices?.map(({ text }) => text) ?? [],
        )
      : ((await response.json()) as OpenAI.Completion).choices.map(({ text }) => text);
    expect(texts.join('')).toBe('Once upon a');
  });

  it('says the prompt once, although two workers said it', async () => {
    let isFirst = true;
    const onSubmit = (run: FakeRun): void => {
      run.send({ accepted: { promptTokens: 3 }, promptReport: { logprobs: prompt } });
      if (isFirst) run.send({ failed: { code: 'draining', message: 'goes', field: '' } });
      else run.send(answer);
      isFirst = false;
    };
    await start(undefined, { fakes: [{ onSubmit }, { onSubmit }] });
    const reply = await openai.completions.create({ ...echo, prompt: 'Once up', max_tokens: 1, logprobs: 0 });
    expect(reply.choices[0]?.logprobs?.tokens).toEqual(['On', 'ce', ' up', 'on']);
  });

  const echo = { model: 'fake/model', echo: true } as const;
});

describe('suffix', () => {
  const fillIn = { prefixTokenId: 901, suffixTokenId: 902, middleTokenId: 903 };

  it('has a model that can fill in what stands in front of it', async () => {
    await start(undefined, { fakes: [{ fillIn }] });
    const reply = await openai.completions.create({ model: 'fake/model', prompt: ['a', 'bc'], suffix: 'd' });
    expect(reply.choices).toHaveLength(2);
    expect(gateway.worker.requests.map(({ tokenIds }) => tokenIds?.ids)).toEqual([
      [901, 97, 902, 100, 903],
      [901, 98, 99, 902, 100, 903],
    ]);
  });

  it('is refused where the model cannot', async () => {
    await start();
    await expect(openai.completions.create({ model: 'fake/model', prompt: 'a', suffix: 'd' })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: 'suffix',
    });
  });
});

describe("vLLM's fields", () => {
  it('reach the worker', async () => {
    await start();
    const fields = {
      min_tokens: 2,
      stop_token_ids: [5, 6],
      ignore_eos: true,
      include_stop_str_in_output: true,
      skip_special_tokens: false,
      add_generation_prompt: false,
    };
    expect((await gateway.chat(fields)).status).toBe(200);
    expect(gateway.worker.requests[0]).toMatchObject({
      tokensMin: 2,
      stopTokenIds: [5, 6],
      ignoreEnd: true,
      includeStop: true,
      showControl: true,
      noTurn: true,
    });
    expect((await gateway.chat({ continue_final_message: true, add_generation_prompt: false })).status).toBe(200);
    expect(gateway.worker.requests[1]).toMatchObject({ continueFinalMessage: true, noTurn: false });
  });

  it('tell of the tokens of the prompt', async () => {
    await start((run) => {
      const second = { ...logprob('b', -1, logprob('c', -0.5)), tokenId: 3 };
      run.send({ accepted: { promptTokens: 2 }, promptReport: { logprobs: [logprob('a', 0), second] } });
      run.send({ tokenIds: [1], text: 'x', finished: finished('FINISH_REASON_STOP', 1) });
    });
    const reply = await (await gateway.chat({ prompt_logprobs: 1 })).json();
    expect(reply).toMatchObject({
      prompt_logprobs: [
        null,
        {
          '1': { logprob: -0.5, rank: 1, decoded_token: 'c' },
          '3': { logprob: -1, rank: null, decoded_token: 'b' },
        },
      ],
    });
  });

  it('put the stop string behind the answer', async () => {
    await start((run) => {
      run.send({ accepted: { promptTokens: 2 } });
      run.send({ tokenIds: [1], text: 'x', finished: { ...finished('FINISH_REASON_STOP', 1), stopString: 'END' } });
    });
    const reply = await openai.chat.completions.create({
      ...ask,
      stop: 'END',
      ...{ include_stop_str_in_output: true },
    });
    expect(reply.choices[0]?.message.content).toBe('xEND');
  });
});

describe('the form of a text', () => {
  const schema = { type: 'object', properties: { a: { type: 'integer' } } };
  it.each([
    [{ response_format: { type: 'json_object' } }, { form: 'jsonObject', jsonObject: true }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } } },
      { form: 'jsonSchema', jsonSchema: JSON.stringify(schema) },
    ],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }, { form: 'jsonObject' }],
    [{ guided_json: JSON.stringify(schema) }, { form: 'jsonSchema', jsonSchema: JSON.stringify(schema) }],
    [
      { guided_json: schema, guided_regex: null },
      { form: 'jsonSchema', jsonSchema: JSON.stringify(schema) },
    ],
    [{ guided_regex: '\\d+' }, { form: 'regex', regex: '\\d+' }],
    [{ guided_choice: ['yes', 'no'] }, { form: 'choice', choice: { texts: ['yes', 'no'] } }],
    [{ guided_grammar: 'root ::= "a"' }, { form: 'grammar', grammar: 'root ::= "a"' }],
    [{ structured_outputs: { choice: ['a'], regex: null } }, { form: 'choice', choice: { texts: ['a'] } }],
  ])('%j', async (fields, constraint) => {
    await start();
    expect((await gateway.chat(fields)).status).toBe(200);
    expect(gateway.worker.requests[0]?.constraint).toMatchObject(constraint);
  });

  it('is any where nothing else is asked for', async () => {
    await start();
    expect((await gateway.chat({ response_format: { type: 'text' } })).status).toBe(200);
    expect(gateway.worker.requests[0]?.constraint).toBeNull();
  });

  it("is refused in the caller's words", async () => {
    await start((run) =>
      run.send({
        failed: { code: 'invalid_request', message: 'json_schema: "not" is not done', field: 'json_schema' },
      }),
    );
    const fields = { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { not: {} } } } };
    const { error } = (await (await gateway.chat(fields)).json()) as { error: object };
    expect(error).toMatchObject({
      message: 'response_format.json_schema.schema: "not" is not done',
      param: 'response_format.json_schema.schema',
    });
  });
});

function logprob(token: string, value: number, ...top: TokenLogprobInit[]): TokenLogprobInit {
  return { tokenId: token === 'c' ? 1 : 2, token: Buffer.from(token), logprob: value, top };
}
