import { describe, expect, it } from 'vitest';
import { nowMs, queueOf, view } from './test-support/queues.js';
import { orderPrompts } from './ttft-order.js';

const objectives = { ttftMs: 20_000, tbtMs: 200 };
/** Nothing of it is in the prefix cache; it takes about 1,070 ms. */
const cold = (ageMs: number) => view({ promptTokens: 900, arrivalMs: nowMs - ageMs, objectives });
/** All but the end is. */
const warm = view({ promptTokens: 900, computed: 880, objectives });

describe('orderPrompts', () => {
  it('puts a prompt that is in the prefix cache before one that came first and has to be computed', () => {
    const prompts = [cold(3_000), warm];
    expect(orderPrompts(prompts, 1, queueOf({ waiting: prompts })).onTime).toEqual([warm, prompts[0]]);
  });

  it('lets a prompt wait for cached ones no longer than four times what it takes itself', () => {
    const prompts = [cold(4_500), warm];
    expect(orderPrompts(prompts, 1, queueOf({ waiting: prompts })).onTime).toEqual([prompts[0], warm]);
  });

  it('holds only what is left to compute against a deadline', () => {
    const pressing = { ttftMs: 500, tbtMs: 200 };
    const prompts = [view({ promptTokens: 900, objectives: pressing }), { ...warm, objectives: pressing }];
    const { onTime, late } = orderPrompts(prompts, 1, queueOf({ waiting: prompts }));
    expect(onTime).toEqual([prompts[1]]);
    expect(late).toEqual([prompts[0]]);
  });
});
