import OpenAI from 'openai';
import {
  type FakeUpstream,
  type FakeUpstreamOptions,
  sayHello,
  startFakeUpstream,
  type UpstreamRun,
} from './fake-upstream.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './start-test-gateway.js';

/** A gateway in front of fake upstreams, all attached, and the official client in front of it. */
export interface UpstreamGateway extends TestGateway {
  readonly upstreams: readonly FakeUpstream[];
  readonly client: OpenAI;
  /** What upstreams got, in the order of upstreams. */
  readonly runs: readonly UpstreamRun[];
  /** One more, taken on by an admin's call. */
  add(fake?: FakeUpstreamOptions): Promise<FakeUpstream>;
  /** A streamed chat, as far as it comes. */
  streamed(fields?: Record<string, unknown>): Promise<Streamed>;
  /** Upstreams and workers that the gateway counts as there. */
  attached(): Promise<number>;
}

export interface Streamed {
  readonly text: string;
  readonly error: unknown;
  readonly finish: unknown;
}

export const ask = { model: 'fake/model', messages: [{ role: 'user' as const, content: 'Hi' }] };

export async function startUpstreamGateway(
  fakes: readonly FakeUpstreamOptions[],
  options: TestGatewayOptions = {},
): Promise<UpstreamGateway> {
  const upstreams = await Promise.all(fakes.map((fake) => startFakeUpstream(fake)));
  const workers = options.workers ?? upstreams.map(({ url }) => url);
  const gateway = await startTestGateway({ fakes: [], ...(options.fakes ? {} : { workers }), ...options });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
  return {
    ...gateway,
    upstreams,
    client,
    get runs() {
      return upstreams.flatMap((upstream) => upstream.runs);
    },
    add: async (fake) => {
      const upstream = await startFakeUpstream(fake);
      upstreams.push(upstream);
      await gateway.post('/admin/workers', { address: upstream.url });
      return upstream;
    },
    streamed: async (fields = {}) => {
      let text = '';
      let finish: unknown;
      try {
        const stream = await client.chat.completions.create({ ...ask, ...fields, stream: true });
        for await (const { choices } of stream) {
          text += choices[0]?.delta.content ?? '';
          finish = choices[0]?.finish_reason ?? finish;
        }
        return { text, error: undefined, finish };
      } catch (error) {
        return { text, error, finish };
      }
    },
    attached: async () => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(/^sluice_gateway_workers_attached (\d+)/m.exec(text)?.[1]);
    },
    stop: async () => {
      await gateway.stop();
      for (const upstream of upstreams) await upstream.close();
    },
  };
}

/** The first request that comes, wherever, meets the trouble; the others are answered. */
export function troubleFirst(trouble: (run: UpstreamRun) => void, count = 2): FakeUpstreamOptions[] {
  let isFirst = true;
  const onRun = (run: UpstreamRun): void => {
    const wasFirst = isFirst;
    isFirst = false;
    if (wasFirst) trouble(run);
    else sayHello(run);
  };
  return Array.from({ length: count }, () => ({ onRun }));
}
