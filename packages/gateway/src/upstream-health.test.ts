import { describe, expect, it } from 'vitest';
import { startFakeUpstream, type UpstreamRun } from './test-support/fake-upstream.js';
import { type FakeWorkerOptions, finished } from './test-support/fake-worker.js';
import { ask, troubleFirst } from './test-support/start-upstream-gateway.js';
import { gateway, start } from './test-support/upstream-gateway.js';

// Upstreams that come, go, hang, and say how busy they are.

describe('health', () => {
  async function waitAttached(count: number): Promise<void> {
    while ((await gateway.attached()) !== count);
  }

  it('takes an upstream out that says it is not well, and back in', async () => {
    let status = 200;
    await start([{ health: () => status }]);
    status = 503;
    await waitAttached(0);
    expect((await gateway.streamed()).error).toMatchObject({ status: 503, code: 'no_worker' });
    status = 200;
    await waitAttached(1);
    expect((await gateway.streamed()).text).toBe('Hello world');
  });

  it('moves what waits at an upstream that hangs, and lets begun streams go on', async () => {
    let isHung = false;
    const hung: UpstreamRun[] = [];
    const health = (): number | 'silence' => (isHung ? 'silence' : 200);
    const onRun = (run: UpstreamRun): void => {
      hung.push(run);
      run.open();
      if (hung.length === 1) run.say('Hello');
    };
    await start([{ health, onRun }], { workerSilenceMs: 300 });
    const begun = await gateway.client.chat.completions.create({ ...ask, stream: true });
    const waiting = gateway.streamed();
    await gateway.upstreams[0]?.until(({ runs }) => runs.length === 2);
    const other = await gateway.add();
    await waitAttached(2);
    isHung = true;
    expect((await waiting).text).toBe('Hello world');
    expect(other.runs).toHaveLength(1);
    hung[0]?.say(' again');
    hung[0]?.finish();
    let text = '';
    for await (const { choices } of begun) text += choices[0]?.delta.content ?? '';
    expect(text).toBe('Hello again');
  });

  it('follows an upstream that is stopped and started again', async () => {
    await start([{}]);
    const [first] = gateway.upstreams;
    await first?.close();
    await waitAttached(0);
    const second = await startFakeUpstream({ port: first?.port ?? 0 });
    await waitAttached(1);
    expect((await gateway.streamed()).text).toBe('Hello world');
    expect(second.runs).toHaveLength(1);
    await second.close();
  });

  it('serves on while one of two comes and goes', async () => {
    let turn = 0;
    await start([{ health: () => (turn++ % 2 === 0 ? 200 : 503) }, {}]);
    const answers = [];
    while (turn < 6) answers.push(await gateway.streamed());
    expect(new Set(answers.map(({ text, error }) => `${text} ${error}`))).toEqual(new Set(['Hello world undefined']));
  });

  it('lets an upstream go by its address', async () => {
    await start([{}]);
    const [upstream] = gateway.upstreams;
    const reply = await fetch(`${gateway.url}/admin/workers/${upstream?.url}`, { method: 'DELETE' });
    expect(await reply.json()).toEqual({ address: upstream?.url });
    expect(await gateway.attached()).toBe(0);
  });

  it('keeps requests from one that fails them', async () => {
    await start([{ onRun: (run) => run.reply(500, {}) }], { circuit: { failuresMax: 3 } });
    for (let i = 0; i < 3; i++) expect((await gateway.streamed()).error).toMatchObject({ status: 500 });
    expect((await gateway.streamed()).error).toMatchObject({ status: 503 });
    expect(gateway.runs).toHaveLength(3);
  });
});

describe('beside workers of ours', () => {
  it('an upstream gets new requests, and no stream that has begun elsewhere', async () => {
    const fakes: FakeWorkerOptions[] = [
      {
        framesUnacknowledgedMax: 4,
        onSubmit: (run) => {
          run.send({ accepted: { promptTokens: 7 } });
          const isResumed = run.request.generatedTokenIds.length > 0;
          const frame = isResumed ? 0 : run.send({ tokenIds: [1], text: 'One' });
          const { worker } = gateway;
          if (worker.attachCount === 1)
            void worker.until(({ acknowledged }) => acknowledged.includes(frame)).then(worker.cut);
          else run.send({ tokenIds: [2], text: ' two', finished: finished('FINISH_REASON_STOP', 2) });
        },
      },
    ];
    await start([], { fakes, routing: 'round-robin' });
    await gateway.add();
    const texts: string[] = [];
    while (gateway.runs.length < 2 || gateway.worker.requests.length < 2) texts.push((await gateway.streamed()).text);
    expect(new Set(texts)).toEqual(new Set(['One two', 'Hello world']));
    expect(gateway.worker.requests.some(({ generatedTokenIds }) => generatedTokenIds.length > 0)).toBe(true);
  });
});

describe('load', () => {
  it('comes from metrics, where there are any', async () => {
    const metrics = () => 'vllm:num_requests_running{model_name="m"} 3\nvllm:num_requests_waiting{model_name="m"} 2\n';
    await start([{ metrics }, {}]);
    await gateway.upstreams[0]?.until(({ asked }) => asked.filter((one) => one === 'GET /metrics').length >= 2);
    const { workers } = (await (await fetch(`${gateway.url}/admin/workers`)).json()) as {
      workers: { load: { running: number; waiting: number } }[];
    };
    expect(workers.map(({ load }) => [load.running, load.waiting])).toEqual([
      [3, 2],
      [0, 0],
    ]);
  });

  it('is what was sent where there are none', async () => {
    await start(
      troubleFirst((run) => run.open()),
      { routing: 'least-requests' },
    );
    const abort = new AbortController();
    const stuck = gateway.chat({ stream: true }, { signal: abort.signal }).catch(() => undefined);
    await Promise.race(gateway.upstreams.map((upstream) => upstream.until((each) => each.runs.length > 0)));
    for (let i = 0; i < 4; i++) await gateway.streamed();
    expect(gateway.upstreams.map((upstream) => upstream.runs.length).sort()).toEqual([1, 4]);
    abort.abort();
    await stuck;
  });
});
