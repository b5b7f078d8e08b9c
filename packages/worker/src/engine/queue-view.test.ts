import { describe, expect, it } from 'vitest';
import { noWork, type StepCost } from './cost-model.js';
import { BarePasses } from './test-support/bare-passes.js';

describe('queueView', () => {
  it('says nothing of passes side by side where the model has one at a time', async () => {
    const bare = new BarePasses(1);
    const stream = await bare.streaming();
    const prompt = bare.waiting(8);
    const view = bare.view();
    expect(view.beside).toBeUndefined();
    expect(view).toMatchObject({ running: [stream], waiting: [prompt], limits: { chunksMax: 2, chunksAbreast: 1 } });
  });

  it('shows everybody, and all that a pass can take, while none is under way', async () => {
    const bare = new BarePasses(3);
    const stream = await bare.streaming();
    const view = bare.view();
    expect(view).toMatchObject({ running: [stream], limits: { chunksMax: 2, chunksAbreast: 3 } });
    expect(view.beside).toMatchObject({ executors: 3, executorsFree: 3, busy: [], promptsUnderWay: 0, held: [] });
  });

  it('sets those apart that are in passes, stream, or are held up by the decodes around them', async () => {
    const bare = new BarePasses(4);
    const low = await bare.streaming();
    const [held, idle, inPass] = [bare.waiting(20), bare.waiting(4), bare.waiting(20)];
    for (const prompt of [held, idle]) {
      bare.start([], [prompt], undefined, 8);
      await bare.end();
    }
    const free = bare.waiting(20);
    bare.start([], [free], undefined, 8);
    await bare.end();
    bare.start([low, idle], [], 2);
    bare.start([], [inPass], 1, 8);
    const { running, waiting, beside, slotsFree } = bare.view();
    expect(running).toEqual([free]);
    expect(waiting).toEqual([]);
    expect(beside).toMatchObject({ executorsFree: 1, promptsUnderWay: 1 });
    expect(beside!.busy).toEqual([low, held, idle, inPass]);
    expect(beside!.held).toEqual([held]);
    expect(slotsFree).toBe(1);
    await bare.end();
    await bare.end();
    expect(bare.view().running).toEqual([low, held, idle, free, inPass]);
  });

  it('offers no more chunks than executors are free', async () => {
    const bare = new BarePasses(4);
    bare.start([], [bare.waiting(8)], 1);
    expect(bare.view().limits).toMatchObject({ chunksMax: 2, chunksAbreast: 3 });
    bare.start([], [bare.waiting(8)], 1);
    bare.start([], [bare.waiting(8)], 1);
    expect(bare.view().limits).toMatchObject({ chunksMax: 1, chunksAbreast: 1 });
    for (let pass = 0; pass < 3; pass++) await bare.end();
  });

  it('hides who waits beside decodes where one of them would come in among the decodes', async () => {
    const bare = new BarePasses(3);
    const stream = await bare.streaming();
    const [prompt, copied] = [bare.waiting(8), bare.waiting(8)];
    copied.computed = 8;
    bare.start([stream], [], 1);
    expect(bare.view().waiting).toEqual([]);
    await bare.end();
    expect(bare.view().waiting).toEqual([prompt, copied]);
    copied.computed = 4;
    bare.start([stream], [], 1);
    expect(bare.view().waiting).toEqual([prompt, copied]);
    await bare.end();
  });

  it('predicts from passes on as many executors, and on all from those that had all', () => {
    const bare = new BarePasses(3);
    const asked: (number | undefined)[] = [];
    const costs = {
      costOn: (executors: number | undefined): StepCost => {
        asked.push(executors);
        return { predictMs: () => executors ?? 0, marginRatio: 1 };
      },
    };
    const { cost, beside } = bare.view(costs);
    expect(cost.predictMs(noWork)).toBe(0);
    expect([1, 2, 3].map((count) => beside!.costOn(count).predictMs(noWork))).toEqual([1, 2, 0]);
    expect(asked).toEqual([undefined, 1, 2, undefined]);
  });
});
