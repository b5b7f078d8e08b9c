import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TlsOptions } from '@sluice/proto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { tlsOptions } from '../../packages/cli/src/commands/access-flags.js';
import { type RunningGateway, startGateway } from '../../packages/gateway/src/index.js';
import { eventually } from '../../packages/store/src/test-support/open-reachable.js';
import { recordedLog } from '../../packages/store/src/test-support/recorded-log.js';
import { startTestWorker, type TestWorker } from '../../packages/worker/src/service/test-support/test-worker.js';
import { TestAuthority } from '../support/certificates.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-tls-'));
const ours = new TestAuthority(path.join(folder, 'ours'));
const theirs = new TestAuthority(path.join(folder, 'theirs'));
const workerPapers = ours.issue('worker', 'IP:127.0.0.1');
const gatewayPapers = ours.issue('gateway', 'DNS:gateway.example');

let worker: TestWorker;
let gateway: RunningGateway;
let lines: readonly string[];
let steps: NodeJS.Timeout | undefined;

afterEach(async () => {
  clearInterval(steps);
  await gateway.close(0);
  await worker.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(ofWorker: TlsOptions | undefined, ofGateway: TlsOptions | undefined): Promise<void> {
  worker = await startTestWorker(ofWorker === undefined ? {} : { tls: ofWorker });
  const recorded = recordedLog();
  lines = recorded.lines;
  // The worker's clock stands still, so it sends no idle frames.
  const options = { port: 0, workers: [worker.address], workerSilenceMs: 600_000, log: recorded.log };
  gateway = await startGateway({ ...options, ...(ofGateway === undefined ? {} : { workerTls: ofGateway }) });
}

/** What the log says of an attempt that failed; no attempt succeeds. */
async function refusal(): Promise<string> {
  const found = () => lines.filter((line) => line.startsWith('warn: worker not reached'));
  await eventually('an attempt to fail', () => found().length > 0);
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(503);
  expect(lines).not.toContain('info: worker attached');
  expect(found()).toHaveLength(1);
  expect(found()[0]).not.toContain('\n');
  return found()[0]!;
}

async function answers(): Promise<void> {
  steps = setInterval(() => worker.engine.step(), 1);
  await eventually('the worker to be attached', () => lines.includes('info: worker attached'));
  const response = await fetch(`${gateway.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bytes', prompt: 'Hi', max_tokens: 4 }),
  });
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('"finish_reason":"length"')]);
}

describe('a gateway and a worker that speak TLS', () => {
  it('serve with certificates of one authority', async () => {
    await start(workerPapers, gatewayPapers);
    await answers();
  });

  it('serve where the gateway is told the name in the worker’s certificate', async () => {
    await start(ours.issue('named', 'DNS:worker.example'), { ...gatewayPapers, serverName: 'worker.example' });
    await answers();
  });

  it('serve where the certificate holds the address, and the name that is told is an address too', async () => {
    await start(ours.issue('numbered', 'IP:10.0.0.7'), { ...gatewayPapers, serverName: '10.0.0.7' });
    await answers();
  });
});

describe('a gateway that the worker does not know', () => {
  it('is refused without a certificate', async () => {
    await start(workerPapers, undefined);
    expect(await refusal()).toContain('it may want TLS');
  });

  it('is refused with a certificate of another authority', async () => {
    await start(workerPapers, { ...theirs.issue('gateway', 'DNS:gateway.example'), authority: ours.certificate });
    expect(await refusal()).toContain('it may not accept this gateway’s certificate');
  });
});

describe('a worker that the gateway does not know', () => {
  it('is not attached with a certificate of another authority', async () => {
    await start({ ...theirs.issue('worker', 'IP:127.0.0.1'), authority: ours.certificate }, gatewayPapers);
    expect(await refusal()).toContain('its certificate is not signed by the authority of --tls-ca');
  });

  it('is not attached with a certificate for another host', async () => {
    await start(ours.issue('elsewhere', 'DNS:elsewhere.example', 'IP:10.0.0.7'), gatewayPapers);
    expect(await refusal()).toContain("IP: 127.0.0.1 is not in the cert's list: 10.0.0.7");
  });

  it('is not attached without TLS', async () => {
    await start(undefined, gatewayPapers);
    expect(await refusal()).toContain('it does not speak TLS, and this gateway does');
  });
});

describe('tlsOptions', () => {
  const { authority, certificate, key } = gatewayPapers.files;
  const flags = { tlsCa: authority, tlsCert: certificate, tlsKey: key };
  const missing = path.join(folder, 'missing.pem');

  it('reads the three files', () => {
    const { files: _, ...papers } = gatewayPapers;
    expect(tlsOptions(flags)).toEqual(papers);
    expect(tlsOptions({ ...flags, tlsName: 'w' })).toEqual({ ...papers, serverName: 'w' });
    expect(tlsOptions({})).toBeUndefined();
  });

  it.each([
    [{ ...flags, tlsKey: missing }, `--tls-key ${missing} cannot be read: ENOENT`],
    [{ ...flags, tlsCa: key }, `--tls-ca ${key} must be a certificate in PEM`],
    [{ ...flags, tlsCert: import.meta.filename }, `--tls-cert ${import.meta.filename} must be a certificate in PEM`],
    [{ ...flags, tlsKey: certificate }, `--tls-key ${certificate} must be a private key without a passphrase in PEM`],
    [
      { ...flags, tlsKey: workerPapers.files.key },
      `--tls-key ${workerPapers.files.key} is not the key of --tls-cert ${certificate}`,
    ],
    [{ tlsName: 'w' }, '--tls-ca is missing: --tls-ca, --tls-cert and --tls-key go together'],
  ])('names flag and file of what cannot be used: %j', (given, problem) => {
    expect(() => tlsOptions(given)).toThrow(problem);
    expect(() => tlsOptions(given)).not.toThrow('\n');
  });
});
