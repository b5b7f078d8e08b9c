import { describe, expect, it } from 'vitest';
import { Heartbeat } from './heartbeat.js';
import { MemoryLoadStore } from './memory-load-store.js';
import { PassingClock } from './test-support/passing-clock.js';
import { worker } from './test-support/records.js';

/** Lets what waits for promises go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

async function setUp() {
  const clock = new PassingClock();
  const loads = new MemoryLoadStore(clock, 2_000);
  let running = 0;
  const heartbeat = new Heartbeat({
    put: () => loads.putWorker(worker('a:1', { load: { running: running++ } })),
    remove: () => loads.removeWorker('a:1', 'epoch-1'),
    clock,
    everyMs: 500,
  });
  await settle();
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.pass(100);
      await settle();
    }
  };
  return { loads, heartbeat, pass };
}

describe('Heartbeat', () => {
  it('announces a member at once and keeps it announced, with what is true by then', async () => {
    const { loads, pass } = await setUp();
    expect((await loads.read()).workers).toMatchObject([{ load: { running: 0 } }]);
    await pass(10_000);
    const [announced] = (await loads.read()).workers;
    expect(announced?.load.running).toBe(20);
    expect(announced?.heardAgoMs).toBeLessThanOrEqual(500);
  });

  it('takes the member out when it stops, for good', async () => {
    const { loads, heartbeat, pass } = await setUp();
    await heartbeat.stop();
    expect((await loads.read()).workers).toEqual([]);
    await pass(2_000);
    expect((await loads.read()).workers).toEqual([]);
  });

  it('does not come back by an announcement that was under way when it stopped', async () => {
    const events: string[] = [];
    let arrive = (): void => {};
    const heartbeat = new Heartbeat({
      put: () =>
        new Promise<void>((resolve) => {
          arrive = () => {
            events.push('announced');
            resolve();
          };
        }),
      remove: async () => {
        events.push('removed');
      },
      clock: new PassingClock(),
    });
    const stopped = heartbeat.stop();
    await settle();
    arrive();
    await stopped;
    expect(events).toEqual(['announced', 'removed']);
  });
});
