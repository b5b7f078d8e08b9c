import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually, noModel, SluiceProcess, startUp, type UpServer } from './up-server.js';

// One real server with real weights, whose processes are killed one after the other; the last test kills it itself.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 60_000 });

let server: UpServer;

beforeAll(async () => {
  if (noModel !== undefined) return;
  server = await startUp(['--workers', '1']);
});

beforeEach((context) => {
  if (noModel !== undefined) context.skip(noModel);
});

afterAll(() => server?.process.killAll());

function complete(body: Record<string, unknown>): Promise<Response> {
  return fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'A long story:', temperature: 0, ignore_eos: true, ...body }),
  });
}

/** The data of a stream's events, and a call when some of them are there. */
async function readEvents(response: Response, onSome: () => void): Promise<string[]> {
  let text = '';
  let areSome = false;
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (areSome || text.split('\n\n').length <= 10) continue;
    areSome = true;
    onSome();
  }
  return text.split('\n\n').flatMap((event) => (event.startsWith('data: ') ? [event.slice(6)] : []));
}

async function isReady(): Promise<boolean> {
  try {
    return (await fetch(`${server.url}/ready`)).ok;
  } catch {
    return false;
  }
}

describe('A worker that is killed, the only one', () => {
  it('comes back, and its streams go on where they were', async () => {
    const worker = server.process.pidOf('worker');
    const undisturbed = textOf(await readEvents(await complete({ max_tokens: 100, stream: true }), () => {}));
    const streams = await Promise.all([1, 2].map(() => complete({ max_tokens: 100, stream: true })));
    // The gateway has it by the time that the streams have some of their tokens.
    const waiting = complete({ max_tokens: 100 });
    const [first, second] = await Promise.all(
      streams.map((stream, index) => readEvents(stream, () => index === 0 && process.kill(worker, 'SIGKILL'))),
    );
    for (const events of [first, second]) {
      expect(events?.at(-1)).toBe('[DONE]');
      expect(textOf(events ?? [])).toBe(undisturbed);
    }
    const reply = await waiting;
    expect(reply.status).toBe(200);
    expect(await reply.json()).toMatchObject({
      choices: [{ text: undisturbed }],
      usage: { completion_tokens: 100 },
    });

    expect(server.process.pidOf('worker')).not.toBe(worker);
    expect(server.process.stderr).toContain('worker 1 was killed by SIGKILL; starting it again');
  });
});

/** What the events of a completion say together. */
function textOf(events: readonly string[]): string {
  return events
    .filter((event) => event !== '[DONE]')
    .map((event) => JSON.parse(event).choices?.[0]?.text ?? '')
    .join('');
}

describe('A gateway that is killed', () => {
  it('comes back at the same address', async () => {
    process.kill(server.process.pidOf('gateway'), 'SIGKILL');
    await eventually(
      'the gateway to be back',
      30_000,
      async () => (await isReady()) && server.process.pidOf('gateway'),
    );
    expect((await complete({ max_tokens: 4 })).status).toBe(200);
  });
});

describe('sluice chat', () => {
  it('prints the answer of a running server', async () => {
    const flags = ['--url', server.url, '--temperature', '0', '--max-tokens', '40'];
    const chat = new SluiceProcess(['chat', ...flags, 'What', 'is', 'the', 'capital', 'of', 'France?']);
    expect(await chat.exited).toEqual({ status: 0, signal: null });
    expect(chat.stdout).toContain('Paris');
  });
});

describe('sluice up, itself killed with -9', () => {
  it('leaves no process behind', async () => {
    expect(server.process.running().length).toBe(3);
    server.process.signal('SIGKILL');
    await eventually('its children to end', 10_000, () => server.process.running().length === 0);
  });
});
