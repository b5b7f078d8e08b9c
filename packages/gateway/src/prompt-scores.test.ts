import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, finished } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
afterEach(() => gateway.stop());

const scored = (...tokenIds: number[]) => ({
  promptReport: {
    logprobs: tokenIds.map((tokenId) => ({ tokenId, token: Buffer.of(tokenId), logprob: -tokenId, top: [] })),
  },
});

/** The first worker does so much and is lost; the second one gets what is left. */
async function startLosing(first: (run: FakeRun) => void, second: (run: FakeRun) => void): Promise<void> {
  let runs = 0;
  const onSubmit = (run: FakeRun): void => {
    runs += 1;
    if (runs > 1) second(run);
    else {
      first(run);
      for (const worker of gateway.workers) if (worker.requests.length > 0) worker.cut();
    }
  };
  gateway = await startTestGateway({ fakes: [{ onSubmit }, { onSubmit }] });
}

const echo = async (
  fields: object,
): Promise<{ text: string; logprobs: { tokens: string[]; token_logprobs: number[] } }> => {
  const response = await gateway.post('/v1/completions', { prompt: 'abc', echo: true, logprobs: 0, ...fields });
  expect(response.status).toBe(200);
  return ((await response.json()) as { choices: never[] }).choices[0]!;
};

describe('scores of a prompt whose worker is lost', () => {
  it('are those of the next worker, each once, where the first one told half of them', async () => {
    await startLosing(
      (run) => {
        run.send({ accepted: { promptTokens: 3 } });
        run.send(scored(97, 98));
      },
      (run) => {
        expect(run.request).toMatchObject({ promptLogprobs: true, noGeneration: true, generatedTokenIds: [] });
        run.send({ accepted: { promptTokens: 3 } });
        run.send(scored(97, 98));
        run.send({ ...scored(99), finished: { ...finished('FINISH_REASON_LENGTH', 0), promptTokens: 3 } });
      },
    );
    expect(await echo({ max_tokens: 0 })).toMatchObject({
      text: 'abc',
      logprobs: { tokens: ['a', 'b', 'c'], token_logprobs: [null, -98, -99] },
    });
  });

  it('are not told again behind tokens that have come', async () => {
    await startLosing(
      (run) => {
        run.send({ accepted: { promptTokens: 3 } }, scored(97, 98, 99));
        run.send({ tokenIds: [100], text: 'd', logprobs: [{ tokenId: 100, token: Buffer.from('d'), logprob: -1 }] });
      },
      (run) => {
        expect(run.request).toMatchObject({ promptLogprobs: false, generatedTokenIds: [100] });
        run.send({ accepted: { promptTokens: 3 } });
        run.send({
          tokenIds: [101],
          text: 'e',
          logprobs: [{ tokenId: 101, token: Buffer.from('e'), logprob: -2 }],
          finished: { ...finished('FINISH_REASON_LENGTH', 2), promptTokens: 3 },
        });
      },
    );
    expect(await echo({ max_tokens: 2 })).toMatchObject({
      text: 'abcde',
      logprobs: { tokens: ['a', 'b', 'c', 'd', 'e'], token_logprobs: [null, -98, -99, -1, -2] },
    });
    await gateway.stop();
    await startLosing(
      (run) => {
        run.send({ accepted: { promptTokens: 2 } }, scored(97, 98));
        run.send({ tokenIds: [100], text: 'd' });
      },
      (run) => {
        run.send({ accepted: { promptTokens: 2 } });
        run.send({ tokenIds: [101], text: 'e', finished: finished('FINISH_REASON_LENGTH', 2) });
      },
    );
    const reply = (await (await gateway.chat({ prompt_logprobs: 0 })).json()) as { prompt_logprobs: unknown[] };
    expect(reply.prompt_logprobs).toHaveLength(2);
  });
});
