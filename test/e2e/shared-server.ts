import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { noModel, startUp, type UpServer } from './up-server.js';

/** A server that all tests of a file share, and a client of it. To be used in tests only, not while they are defined. */
export interface SharedServer extends UpServer {
  readonly client: OpenAI;
}

/**
 * One `sluice up` with real weights for the whole file that calls this, gone after its last test. Where there is no model,
 * the tests are skipped.
 * @param timeoutMs that the client waits for an answer.
 */
export function sharedServer(args: readonly string[] = [], timeoutMs = 60_000): SharedServer {
  let server: SharedServer | undefined;
  const running = (): SharedServer => {
    if (server === undefined) throw new Error('the server runs while tests do, and at no other time');
    return server;
  };

  beforeAll(async () => {
    if (noModel !== undefined) return;
    const up = await startUp(args);
    const baseURL = `${up.url}/v1`;
    server = { ...up, client: new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0, timeout: timeoutMs }) };
  });
  beforeEach((context) => {
    if (noModel !== undefined) context.skip(noModel);
  });
  afterAll(() => server?.process.killAll());

  return {
    get process() {
      return running().process;
    },
    get url() {
      return running().url;
    },
    get model() {
      return running().model;
    },
    get client() {
      return running().client;
    },
  };
}
