import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { eventually, SluiceProcess, startUp, type UpServer } from '../e2e/up-server.js';

/** A `sluice up` with the default model and API keys, which all clients share. */
export interface ClientServer {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly model: string;
  /** A key that may ask for anything but admin calls. */
  readonly key: string;
  /** A key that may send one request a minute. */
  readonly rareKey: string;
  /** How many requests were cancelled so far. */
  cancelled(): Promise<number>;
  /**
   * Resolves when this many requests have been cancelled and no sequence runs any more.
   * @throws Error where that is not so after 20 s.
   */
  untilCancelled(count: number): Promise<void>;
  stop(): void;
}

export async function startClientServer(): Promise<ClientServer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-clients-'));
  let up: UpServer;
  let key: string;
  let rareKey: string;
  try {
    const file = path.join(folder, 'keys.json');
    const scopes = ['inference', 'models', 'metrics'].flatMap((scope) => ['--scope', scope]);
    key = await newKey(file, 'clients', ...scopes);
    rareKey = await newKey(file, 'rare', '--requests-per-minute', '1');
    up = await startUp(['--keys', file]);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  const metric = async (pattern: RegExp): Promise<number> => {
    const response = await fetch(`${up.url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
    const found = [...(await response.text()).matchAll(pattern)];
    return found.reduce((sum, [, value]) => sum + Number(value), 0);
  };
  const cancelled = () => metric(/^sluice_gateway_requests_total\{.*finish_reason="cancelled".*\} (\d+)$/gm);
  const running = () => metric(/^sluice_worker_running_sequences(?:\{[^}]*\})? (\d+)$/gm);
  return {
    url: up.url,
    model: up.model,
    key,
    rareKey,
    cancelled,
    untilCancelled: async (count) => {
      await eventually(`${count} cancelled requests`, 20_000, async () => (await cancelled()) >= count);
      await eventually('an idle worker', 20_000, async () => (await running()) === 0);
    },
    stop: () => {
      up.process.killAll();
      rmSync(folder, { recursive: true });
    },
  };
}

async function newKey(file: string, name: string, ...terms: readonly string[]): Promise<string> {
  const command = new SluiceProcess(['key', 'new', '--file', file, '--name', name, ...terms]);
  const { status } = await command.exited;
  if (status !== 0) throw new Error(command.stderr);
  return command.stdout.trim();
}
