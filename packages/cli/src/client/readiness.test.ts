import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { waitUntilReady } from './readiness.js';

let server: http.Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A server that is ready from the given request on. */
async function readyFrom(request: number): Promise<string> {
  let requests = 0;
  server = http.createServer((_, response) => {
    requests += 1;
    response.writeHead(requests >= request ? 200 : 503).end('no worker is attached');
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('waitUntilReady', () => {
  it('asks until the server is ready', async () => {
    await waitUntilReady(await readyFrom(3), 10_000);
  });
  it("gives up with the server's own words", async () => {
    await expect(waitUntilReady(await readyFrom(1000), 0)).rejects.toThrow(
      'is not ready after 0 s: no worker is attached',
    );
  });
});
