import { afterEach, describe, expect, it } from 'vitest';
import { CompletionClient } from '../io/completion-client.js';
import { drawArrivals, traces, withObjectives } from '../simulate/trace.js';
import { type Script, type ScriptedServer, startScriptedServer } from '../test-support/scripted-server.js';
import { runHttpTrial } from './http-trial.js';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const arrivals = drawArrivals(traces.sharegpt!, 128, 24, 1);
const settings = { tbtMs: 60_000, promptSeed: 1, promptAloneMs: () => 0, saysObjectives: true };

async function trial(script: Script, sent = arrivals) {
  server = await startScriptedServer([script]);
  return runHttpTrial(new CompletionClient({ url: server.url }), settings, sent, 500);
}

describe('runHttpTrial', () => {
  it('asks for every prompt and answer of the load, and serves it within wide limits', async () => {
    expect(await trial('whole')).toMatchObject({ isWithin: true, isCut: false, ratePerSecond: 500 });
    const asked = server!.bodies.map(({ prompt, max_tokens }) => [prompt.length, max_tokens]);
    expect(asked.sort()).toEqual(arrivals.map((one) => [one.promptTokens, one.outputTokens]).sort());
  });

  it('judges each request by its own objective', async () => {
    const { gapsByObjective } = await trial('whole', withObjectives(arrivals, [60_000, 70_000], 1));
    expect(gapsByObjective.map(({ tbtMs }) => tbtMs)).toEqual([60_000, 70_000]);
  });

  it('does not take a server that fails for a slow one', async () => {
    await expect(trial('HTTP 503')).rejects.toThrow(/a request was not served: HTTP 503/);
  });
});
