import { describe, expect, it } from 'vitest';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { collectGarbage } from './testing/collect-garbage.js';
import { adder } from './testing/graphs.js';

const RUNS = 10_000;
const ROWS = 512;
/** What the allocators and V8 may move by. Kept arrays alone would be 80 MiB, a leaked native value per run 4 MiB. */
const GROWTH_BYTES_MAX = 3 * 1024 * 1024;

describe('Session', () => {
  it('keeps memory flat over ten thousand runs with new tensors each', { timeout: 60_000 }, async () => {
    const session = loadRuntime().createSession(adder(), { intraOpThreads: 1 });
    const cache = Tensor.over(new Float32Array(ROWS * 2), [ROWS, 2]);
    const binding = session.createBinding();
    binding.bindInput('a', cache);
    const run = async (index: number) => {
      const step = Tensor.over(new Float32Array(ROWS * 2).fill(1), [ROWS, 2]);
      binding.bindInput('b', step);
      if (index % 2 === 0) binding.bindOutput('y', cache);
      else binding.bindOutputToCpu('y');
      if (index % 2 === 0) step.dispose();
      await session.run(binding);
      if (index % 100 === 1) binding.readOutput('y');
    };

    for (let index = 0; index < RUNS / 2; index += 1) await run(index);
    await collectGarbage();
    const before = process.memoryUsage().rss;
    for (let index = 0; index < RUNS; index += 1) await run(index);
    await collectGarbage();
    expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX);
    expect(cache.array?.[0]).toBe((RUNS + RUNS / 2) / 2);
    session.dispose();
  });
});
