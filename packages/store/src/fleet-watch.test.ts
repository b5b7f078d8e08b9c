import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { FleetWatch } from './fleet-watch.js';
import { MemoryLoadStore } from './memory-load-store.js';
import { PassingClock } from './test-support/passing-clock.js';
import { worker } from './test-support/records.js';

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

async function setUp(seed = 1) {
  const clock = new PassingClock();
  const loads = new MemoryLoadStore(clock, 2_000);
  const looksMs: number[] = [];
  const onView = (): unknown => looksMs.push(clock.nowMs());
  const watch = new FleetWatch({ loads, clock, rng: seededRng(seed), onView, everyMs: 500 });
  await settle();
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.pass(10);
      await settle();
    }
  };
  return { loads, watch, looksMs, pass };
}

describe('FleetWatch', () => {
  it('sees who comes and who goes', async () => {
    const { loads, watch, pass } = await setUp();
    expect(watch.view).toMatchObject({ workers: [], ageMs: 0 });
    await loads.putWorker(worker('a:1'));
    await pass(700);
    expect(watch.view.workers).toMatchObject([{ id: 'a:1' }]);
    await loads.removeWorker('a:1', 'epoch-1');
    await pass(700);
    expect(watch.view.workers).toEqual([]);
  });

  it('looks about every half second, each gateway at times of its own', async () => {
    const [one, other] = [await setUp(1), await setUp(2)];
    await one.pass(10_000);
    await other.pass(10_000);
    expect(one.looksMs.length).toBeGreaterThan(15);
    expect(one.looksMs.length).toBeLessThan(27);
    expect(one.looksMs).not.toEqual(other.looksMs);
  });

  it('looks at a big fleet less often', async () => {
    const { loads, looksMs, pass } = await setUp();
    const announceAll = () =>
      Promise.all(Array.from({ length: 500 }, (_, index) => loads.putWorker(worker(`w:${index}`))));
    for (let seconds = 0; seconds < 10; seconds++) {
      await announceAll();
      await pass(1_000);
    }
    expect(looksMs.length).toBeGreaterThan(4);
    expect(looksMs.length).toBeLessThan(12);
  });

  it('looks no more when it was stopped', async () => {
    const { watch, looksMs, pass } = await setUp();
    watch.stop();
    await pass(5_000);
    expect(looksMs).toHaveLength(1);
  });
});
