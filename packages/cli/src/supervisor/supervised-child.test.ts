import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from './log-file.js';
import { type ChildEvent, SupervisedChild } from './supervised-child.js';

const script = fileURLToPath(new URL('test-support/scripted-child.mjs', import.meta.url));
const limits = { delayMsMin: 1, delayMsMax: 2, healthyMs: 60_000, deathsMax: 3, deathsMaxAtStart: 3 };

let folder = '';
let child: SupervisedChild | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-child-'));
});

afterEach(async () => {
  await child?.stop(0, 0);
  rmSync(folder, { recursive: true });
});

/** Starts a child that behaves as told. `until` resolves with all events up to the `count`th of that kind. */
function start(behaviour: string) {
  const events: ChildEvent[] = [];
  let onEvent = (): void => {};
  const log = new LogFile(path.join(folder, 'child.log'));
  const args = (port: number) => [behaviour, String(port)];
  const env = { SLUICE_TEST_GIVEN: 'given', SLUICE_TEST_PATH: process.env['PATH'] ?? '', PATH: '/nowhere' };
  child = new SupervisedChild({ name: 'child', script, args, env, log, limits }, (event) => {
    events.push(event);
    onEvent();
  });
  const until = (kind: ChildEvent['kind'], count = 1): Promise<readonly ChildEvent[]> =>
    new Promise((resolve) => {
      onEvent = () => {
        if (events.filter((event) => event.kind === kind).length >= count) resolve(events);
      };
      onEvent();
    });
  child.start();
  return { child, until, logText: () => readFileSync(log.path, 'utf8') };
}

describe('SupervisedChild', () => {
  it('passes on progress, lines and readiness', async () => {
    const { until } = start('serve');
    await until('ready');
    const events = await until('line');
    expect(events).toContainEqual({ kind: 'progress', progress: { phase: 'compiling', done: 1, total: 2 } });
    expect(events).toContainEqual({ kind: 'ready', port: 4321, restarted: false });
    expect(events).toContainEqual({ kind: 'line', line: '{"level":30,"msg":"hello"}' });
  });
  it('gives a child variables, and leaves those that were set as they are', async () => {
    const { until } = start('say what it was given');
    expect(await until('line')).toContainEqual({ kind: 'line', line: 'given true' });
  });
  it('starts a killed child again on the same port', async () => {
    const { child, until } = start('serve');
    await until('ready');
    const pid = child.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    const events = await until('ready', 2);
    expect(events.filter((event) => event.kind === 'died')).toEqual([
      { kind: 'died', how: 'was killed by SIGKILL', delayMs: 1 },
    ]);
    expect(events).toContainEqual({ kind: 'ready', port: 4321, restarted: true });
    expect(child.pid).not.toBe(pid);
  });
  it('gives up a child that never comes up', async () => {
    const { until, child } = start('die at start');
    const events = await until('gave up');
    expect(events.map((event) => event.kind).filter((kind) => kind !== 'line')).toEqual(['died', 'died', 'gave up']);
    expect(events.at(-1)).toEqual({ kind: 'gave up', why: 'exited with status 7 (no luck), 3 times in a row' });
    expect(child.pid).toBeUndefined();
  });
  it('gives up at once when the child says that it cannot serve', async () => {
    const { until } = start('refuse');
    expect(await until('gave up')).toEqual([{ kind: 'gave up', why: 'no such model' }]);
  });
  it('lets a child end in order, and does not start it again', async () => {
    const { child, until, logText } = start('serve');
    await until('ready');
    await child.stop(5000);
    expect(child.pid).toBeUndefined();
    expect(logText()).toContain('told to stop within 5000');
    expect((await until('ready')).filter((event) => event.kind === 'died')).toEqual([]);
  });
  it('kills a child that does not listen when the deadline is over', async () => {
    const { child, until } = start('serve deafly');
    await until('ready');
    await child.stop(0, 10);
    expect(child.pid).toBeUndefined();
  });
});
