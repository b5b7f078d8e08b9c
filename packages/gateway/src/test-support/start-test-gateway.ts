import { createLog, type Logger } from '@sluice/shared';
import type { GatewayOptions, RunningGateway } from '../io/gateway-options.js';
import { startGateway } from '../io/start-gateway.js';
import { type FakeWorker, type FakeWorkerOptions, startFakeWorker } from './fake-worker.js';

export interface TestGateway extends RunningGateway {
  /** The first worker. */
  readonly worker: FakeWorker;
  readonly workers: readonly FakeWorker[];
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** One chat request with a short prompt; `fields` are added. */
  chat(fields?: Record<string, unknown>, init?: RequestInit): Promise<Response>;
  /** Closes workers and gateway. */
  stop(): Promise<void>;
}

export type TestGatewayOptions = Partial<GatewayOptions> & {
  readonly fakes?: readonly FakeWorkerOptions[];
  /** What is sent with the questions whether the workers are attached. */
  readonly probeHeaders?: Record<string, string>;
};

/** A gateway on a free port with fake workers, all attached. */
export async function startTestGateway({
  fakes = [{}],
  probeHeaders = {},
  ...options
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const workers = await Promise.all(fakes.map((fake) => startFakeWorker(fake)));
  const gateway = await startGateway({
    port: 0,
    workers: workers.map((worker) => worker.address),
    log: silentLog,
    drainMs: 0,
    ...options,
  });
  await waitReady(gateway.url, options.workers?.length ?? workers.length, probeHeaders);
  const post = (path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    });
  return {
    ...gateway,
    worker: workers[0]!,
    workers,
    post,
    chat: (fields, init) =>
      post('/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }], ...fields }, init),
    stop: async () => {
      await gateway.close(0);
      for (const worker of workers) worker.close();
    },
  };
}

/** Resolves when `count` workers are attached. */
export async function waitReady(url: string, count = 1, headers: Record<string, string> = {}): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`, { headers })).text();
    if (Number(/^sluice_gateway_workers_attached (\d+)/m.exec(text)?.[1]) >= count) return;
  }
}

/** The JSON of every server-sent event; `[DONE]` as it is. */
export async function readEvents(response: Response): Promise<unknown[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const data = event.replace(/^data: /, '');
      return data === '[DONE]' ? data : JSON.parse(data);
    });
}

const silentLog: Logger = createLog('gateway');
silentLog.level = 'silent';
