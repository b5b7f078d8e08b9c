import { describe, expect, it } from 'vitest';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { collectGarbage } from './testing/collect-garbage.js';
import { adder } from './testing/graphs.js';

const ROUNDS = 5;
const ROWS = 2048;
const SHAPE = [ROWS, 2];

/**
 * By how many bytes the resident size grows with each run: the median of rounds, since what leaks does so in every
 * round. V8 and malloc take up to some 10 MiB in single steps while they warm up (30,000 runs), and none later.
 */
async function growthBytesPerRun(runsPerRound: number, run: () => Promise<void>): Promise<number> {
  const growths: number[] = [];
  let before = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (let count = 0; count < runsPerRound; count += 1) await run();
    await collectGarbage();
    const now = process.memoryUsage().rss;
    if (round > 0) growths.push((now - before) / runsPerRound);
    before = now;
  }
  return growths.sort((a, b) => a - b)[ROUNDS >> 1] as number;
}

describe('Session.run, tens of thousands of times', { timeout: 60_000 }, () => {
  it('leaves memory flat with one binding', async () => {
    const session = loadRuntime().createSession(adder(), { intraOpThreads: 1 });
    const binding = session.createBinding();
    const cache = Tensor.over(new Float32Array(ROWS * 2), SHAPE);
    binding.bindInput('a', cache);
    binding.bindInput('b', Tensor.over(new Float32Array(ROWS * 2).fill(1), SHAPE));
    binding.bindOutput('y', cache);
    expect(await growthBytesPerRun(10_000, () => session.run(binding))).toBeLessThan(100);
    expect(cache.array?.[0]).toBe(10_000 * (ROUNDS + 1));
    session.dispose();
  });

  // What is kept by mistake would be 16 KiB a run.
  it('keeps neither inputs nor outputs that are new each time', async () => {
    const session = loadRuntime().createSession(adder(), { intraOpThreads: 1 });
    const binding = session.createBinding();
    const growth = await growthBytesPerRun(2_000, async () => {
      const tensor = Tensor.over(new Float32Array(ROWS * 2).fill(1), SHAPE);
      binding.bindInput('a', tensor);
      binding.bindInput('b', tensor);
      binding.bindOutputToCpu('y');
      tensor.dispose();
      await session.run(binding);
      binding.readOutput('y');
    });
    expect(growth).toBeLessThan(4_096);
    session.dispose();
  });

  it('keeps nothing of bindings that were disposed of and tensors that were dropped', async () => {
    const session = loadRuntime().createSession(adder(), { intraOpThreads: 1 });
    const growth = await growthBytesPerRun(2_000, async () => {
      const tensor = Tensor.over(new Float32Array(ROWS * 2).fill(1), SHAPE);
      await session.runOnce({ a: tensor, b: tensor });
    });
    expect(growth).toBeLessThan(4_096);
    session.dispose();
  });
});
