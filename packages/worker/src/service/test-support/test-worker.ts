import { connectWorker, type WorkerClient } from '@sluice/proto';
import { createLog } from '@sluice/shared';
import { createWorkerServer, type WorkerServer, type WorkerServerOptions } from '../worker-server.js';
import { byteText } from './byte-text.js';
import { ManualClock } from './manual-clock.js';
import { ScriptedEngine } from './scripted-engine.js';

export interface TestWorker {
  readonly engine: ScriptedEngine;
  readonly clock: ManualClock;
  readonly server: WorkerServer;
  readonly address: string;
  readonly client: WorkerClient;
  close(): Promise<void>;
}

/** A worker's server on a free port of this machine over a scripted engine, and a client of it. */
export async function startTestWorker(overrides: Partial<WorkerServerOptions> = {}): Promise<TestWorker> {
  const engine = new ScriptedEngine();
  const clock = new ManualClock();
  const info = { name: 'bytes', architecture: 'scripted', contextTokens: engine.contextTokens, vocabularyCount: 259 };
  const log = createLog('test');
  log.level = 'silent';
  const server = createWorkerServer({ engine, text: byteText(), info, epoch: 'epoch-1', log, clock, ...overrides });
  engine.onStep = server.onStep;
  const address = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const client = connectWorker(address);
  return {
    engine,
    clock,
    server,
    address,
    client,
    close: async () => {
      client.close();
      const closed = server.close(1_000);
      clock.advance(1_000);
      await closed;
    },
  };
}
