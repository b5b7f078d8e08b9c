import type { GatewayMessageInit } from '@sluice/proto';
import { createLog, seededRng } from '@sluice/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { idleWorker } from '../test-support/worker-views.js';
import { defaultCircuit } from './circuit-breaker.js';
import { FleetWorkers, workersMax } from './fleet-workers.js';
import { WorkerConnection } from './worker-connection.js';
import { knownModels } from './worker-set.js';
import type { WorkerStreamListener } from './worker-stream.js';

let clock: ManualClock;
let workers: FleetWorkers;
/** The live stream to each address. */
let streams: Map<string, WorkerStreamListener>;
let sent: Map<string, GatewayMessageInit[]>;

beforeEach(() => {
  clock = new ManualClock();
  streams = new Map();
  sent = new Map();
  const log = createLog('gateway');
  log.level = 'silent';
  const connect = (address: string): WorkerConnection =>
    new WorkerConnection(
      {
        id: address,
        gatewayId: 'g',
        dialer: {
          open: (listener) => {
            streams.set(address, listener);
            const messages: GatewayMessageInit[] = [];
            sent.set(address, messages);
            return {
              unsentCount: 0,
              send: (message) => void messages.push(message),
              close: () => void streams.delete(address),
            };
          },
          close: () => {},
        },
        clock,
        rng: seededRng(1),
        log,
      },
      { silenceMs: 3_600_000, backoff: { firstMs: 100, maxMs: 1_000 }, circuit: defaultCircuit, unsentMax: 4 },
    );
  workers = new FleetWorkers({ connect, clock, log });
});

function ids(): readonly string[] {
  return workers.workers.map(({ id }) => id);
}

function attach(address: string, model = 'm'): void {
  const { state, ...load } = idleWorker(address).load;
  streams.get(address)?.onMessage({
    message: 'welcome',
    welcome: {
      epoch: 'e',
      framesUnacknowledgedMax: 64,
      load: { ...load, state: 'WORKER_STATE_READY' },
      model: { name: model },
    },
  } as never);
}

function submit(address: string) {
  const worker = workers.workers.find(({ id }) => id === address);
  return worker?.submit({}, 1, { onEvent: () => {}, onLost: () => {} }, { model: 'small', isSeeded: false });
}

const announced = (address: string) => ({ address, model: 'small', load: idleWorker(address, { running: 3 }).load });

describe('FleetWorkers', () => {
  it('connects to each worker once, whoever names it', () => {
    workers.offer('static', ['a:1', 'b:1']);
    workers.offer('redis', ['b:1', 'c:1']);
    expect(ids()).toEqual(['a:1', 'b:1', 'c:1']);
    expect(workers.list().find(({ address }) => address === 'b:1')?.sources).toEqual(['redis', 'static']);
  });

  it('lets a worker go that nobody names and that is not attached', () => {
    workers.offer('redis', ['a:1', 'b:1']);
    workers.offer('dns', ['b:1']);
    workers.offer('redis', []);
    expect(ids()).toEqual(['b:1']);
    expect(streams.has('a:1')).toBe(false);
  });

  it('keeps a worker whose key expired as long as its stream lives', () => {
    workers.offer('redis', ['a:1']);
    attach('a:1');
    workers.offer('redis', []);
    clock.advance(60_000);
    expect(ids()).toEqual(['a:1']);
    streams.get('a:1')?.onEnd(undefined);
    clock.advance(1_000);
    expect(ids()).toEqual([]);
  });

  it('never lets a worker of the command line go, however long it is away', () => {
    workers.offer('static', ['a:1']);
    workers.offer('redis', ['a:1']);
    workers.offer('redis', []);
    clock.advance(60_000);
    expect(ids()).toEqual(['a:1']);
  });

  it('gives a worker that an admin took out no new requests, and lets it finish those it has', () => {
    workers.offer('redis', ['a:1', 'b:1']);
    attach('a:1');
    const request = submit('a:1');
    expect(workers.remove('a:1')).toBe(true);
    expect(ids()).toEqual(['b:1']);
    clock.advance(10_000);
    expect(streams.has('a:1')).toBe(true);
    request?.cancel();
    clock.advance(1_000);
    expect(streams.has('a:1')).toBe(false);
  });

  it('keeps out whom an admin took out, until an admin takes it on', () => {
    workers.offer('redis', ['a:1']);
    workers.remove('a:1');
    workers.offer('redis', ['a:1']);
    expect(ids()).toEqual([]);
    expect(workers.add('a:1')).toBe(true);
    workers.offer('redis', []);
    expect(ids()).toEqual(['a:1']);
  });

  it('does not take out whom it does not know', () => {
    expect(workers.remove('a:1')).toBe(false);
  });

  it('keeps out whom an admin took out elsewhere before they were known here', () => {
    workers.bar('a:1');
    workers.offer('redis', ['a:1']);
    expect(ids()).toEqual([]);
  });

  it('still knows the model of a worker that is gone: it is away, not unknown', () => {
    workers.offer('redis', ['a:1']);
    attach('a:1', 'small');
    workers.offer('redis', []);
    streams.get('a:1')?.onEnd(undefined);
    clock.advance(1_000);
    expect(ids()).toEqual([]);
    expect([...knownModels(workers).keys()]).toEqual(['small']);
    clock.advance(3_600_000);
    expect([...knownModels(workers).keys()]).toEqual([]);
  });

  it('shows what a worker announced until it says so itself', () => {
    workers.announce([announced('a:1')]);
    expect(workers.list()).toMatchObject([{ isAttached: false, models: ['small'], load: { running: 3 } }]);
    attach('a:1', 'm');
    expect(workers.list()).toMatchObject([{ isAttached: true, models: ['m'], load: { running: 0 } }]);
  });

  it('attaches to no more workers than it may', () => {
    workers.offer(
      'redis',
      Array.from({ length: workersMax + 10 }, (_, index) => `w:${index + 1}`),
    );
    expect(workers.workers.length).toBe(workersMax);
    expect(workers.add('one:1')).toBe(false);
  });

  it('closes every stream when it is closed, and takes nobody on after that', () => {
    workers.offer('static', ['a:1', 'b:1']);
    attach('b:1');
    submit('b:1');
    workers.remove('b:1');
    workers.close();
    expect(streams.size).toBe(0);
    workers.offer('static', ['c:1']);
    expect(workers.add('d:1')).toBe(false);
    expect(streams.size).toBe(0);
  });
});
