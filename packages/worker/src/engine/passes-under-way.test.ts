import { describe, expect, it } from 'vitest';
import { BarePasses } from './test-support/bare-passes.js';

describe('PassesUnderWay.start', () => {
  it('counts executors, prompts apart and decodes, until each pass ends', async () => {
    const bare = new BarePasses(4);
    const { passes } = bare;
    const stream = await bare.streaming();
    expect(passes).toMatchObject({ isEmpty: true, executors: 4, executorsFree: 4, prompts: 0, haveDecodes: false });
    bare.start([], [bare.waiting(8)], 1);
    expect(passes).toMatchObject({ isEmpty: false, executorsFree: 3, prompts: 1, haveDecodes: false });
    bare.start([stream], [bare.waiting(8)], 2);
    expect(passes).toMatchObject({ executorsFree: 1, prompts: 1, haveDecodes: true });
    await bare.end();
    expect(passes).toMatchObject({ executorsFree: 2, prompts: 0, haveDecodes: true });
    await bare.end();
    expect(passes).toMatchObject({ isEmpty: true, executorsFree: 4, haveDecodes: false });
  });

  it('gives all executors to a pass that says no number', async () => {
    const bare = new BarePasses(3);
    const stream = await bare.streaming();
    bare.start([stream], []);
    expect(bare.passes.executorsFree).toBe(0);
    await bare.end();
    expect(bare.passes.executorsFree).toBe(3);
  });

  it('keeps sequences for their pass as long as it runs, and lets them rest in no other', async () => {
    const bare = new BarePasses(3);
    const [stream, other] = [await bare.streaming(), await bare.streaming()];
    const prompt = bare.waiting(20);
    bare.start([], [prompt], 1, 8);
    expect([stream, other, prompt].map(({ isInPass }) => isInPass)).toEqual([false, false, true]);
    const plan = bare.start([stream], [], 1);
    expect(plan.resting.map(({ slot }) => slot)).toEqual([other.slot]);
    expect([stream, other, prompt].map((one) => bare.passes.isBusy(one))).toEqual([true, true, true]);
    await bare.end();
    await bare.end();
    expect([stream, other, prompt].map(({ isInPass }) => isInPass)).toEqual([false, false, false]);
    expect([stream, other, prompt].map((one) => bare.passes.isBusy(one))).toEqual([false, false, false]);
  });

  it('fences the slots between decodes while they run beside others, and not while they run alone', async () => {
    const bare = new BarePasses(3);
    const [low, prompt, high] = [await bare.streaming(), bare.waiting(20), bare.waiting(4)];
    bare.start([], [prompt], undefined, 8);
    await bare.end();
    bare.start([], [high]);
    await bare.end();
    expect([low, prompt, high].map(({ slot }) => slot)).toEqual([0, 1, 2]);
    bare.start([low, high], [], 2);
    expect(bare.memory.isFenced(prompt)).toBe(true);
    expect(bare.passes.isBusy(prompt)).toBe(true);
    const newcomer = bare.waiting(8);
    bare.start([], [newcomer], 1);
    expect(newcomer.slot).toBe(3);
    await bare.end();
    expect(bare.memory.isFenced(prompt)).toBe(false);
    expect(bare.passes.isBusy(prompt)).toBe(false);
    await bare.end();
    bare.start([low, high], []);
    expect(bare.memory.isFenced(prompt)).toBe(false);
    await bare.end();
  });

  it('goes no further with two passes of decodes', async () => {
    const bare = new BarePasses(3);
    const [one, two] = [await bare.streaming(), await bare.streaming()];
    bare.start([one], [], 1);
    expect(() => bare.start([two], [], 1)).toThrow('two passes at a time have decodes');
    await bare.end();
  });
});

describe('PassesUnderWay.next', () => {
  it('comes back without a pass when there is news before one ends', async () => {
    const bare = new BarePasses(2);
    const stream = await bare.streaming();
    bare.start([stream], [], 1);
    expect(await bare.passes.next(Promise.resolve(undefined))).toBeUndefined();
    expect(stream.isInPass).toBe(true);
    expect((await bare.end()).outcome.kind).toBe('done');
  });

  it('gives a pass that failed with its sequences free', async () => {
    const bare = new BarePasses(2);
    const [stream, prompt] = [await bare.streaming(), bare.waiting(8)];
    bare.model.failing.add(bare.model.passes);
    bare.start([], [prompt], 1);
    bare.start([stream], [], 1);
    expect(await bare.passes.next()).toMatchObject({ outcome: { kind: 'failed' }, pass: { plan: { decodes: [] } } });
    expect([stream, prompt].map(({ isInPass }) => isInPass)).toEqual([true, false]);
    expect(await bare.passes.next()).toMatchObject({ outcome: { kind: 'done' } });
  });
});
