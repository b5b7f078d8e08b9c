import { describe, expect, it } from 'vitest';
import type { StepCost } from '../cost-model.js';
import type { CopiedTokens } from '../model-port.js';
import { recomputeMs, type SwapHolder, SwapSpace } from './swap-space.js';

const BYTES_PER_TOKEN = 1_000;
/** A millisecond a token, whichever way it is computed. */
const cost: StepCost = { predictMs: (work) => work.decodes + work.prefillTokens, marginRatio: 1 };

describe('SwapSpace', () => {
  it('holds what was copied out until it is back, and no more than it may', () => {
    const { space } = world(150 * BYTES_PER_TOKEN);
    const [first, second] = [holder(100), holder(51)];
    expect([space.copyOut(first, cost), space.copyOut(second, cost)]).toEqual([true, false]);
    expect([space.bytesHeld, second.copied]).toEqual([100 * BYTES_PER_TOKEN, undefined]);
    space.copyIn(first);
    expect([space.bytesHeld, first.copied]).toEqual([0, undefined]);
    expect(space.copyOut(second, cost)).toBe(true);
    space.drop(second);
    space.drop(second);
    expect(space.bytesHeld).toBe(0);
  });

  it('leaves to be computed again what is cheaper to compute than to copy both ways', () => {
    const { space } = world(1e9, { bytesPerToken: 300_000_000 });
    expect(space.copyOut(holder(1), cost)).toBe(false);
  });

  it('learns what copies take, and forgives after a while', () => {
    const { space, machine } = world(1e9);
    machine.copyMs = 100;
    const tries = (count: number): number => {
      let copied = 0;
      for (let time = 0; time < count; time++) {
        const one = holder(100);
        if (space.copyOut(one, cost)) copied += 1;
        space.copyIn(one);
      }
      return copied;
    };
    expect(tries(100)).toBeLessThan(50);
    machine.copyMs = 0.01;
    expect(tries(200)).toBeGreaterThan(100);
  });

  it('computes again where the machine has no room for the copy', () => {
    const { space, machine } = world(1e9);
    machine.isFull = true;
    const one = holder(10);
    expect([space.copyOut(one, cost), one.copied, space.bytesHeld]).toEqual([false, undefined, 0]);
  });
});

describe('recomputeMs', () => {
  it('counts what can be prefilled in one pass and a pass for each token behind it', () => {
    const passes: StepCost = { predictMs: () => 10, marginRatio: 1 };
    expect(recomputeMs({ ...holder(25), prefillableTokens: 20 }, passes)).toBe(10 + 5 * 10);
    expect(recomputeMs({ ...holder(15), prefillableTokens: 20 }, passes)).toBe(10);
  });
});

function holder(computed: number): SwapHolder {
  return { prefillableTokens: 20, computed, slot: 0, copied: undefined };
}

function world(bytesMax: number, { bytesPerToken = BYTES_PER_TOKEN } = {}) {
  const machine = { nowMs: 0, copyMs: 0.01, isFull: false };
  const model = {
    copyBytes: (tokens: number): number => tokens * bytesPerToken,
    copyOut: (_slot: number, tokens: number): CopiedTokens => {
      if (machine.isFull) throw new RangeError('Array buffer allocation failed');
      machine.nowMs += machine.copyMs;
      return { tokens, bytes: new Uint8Array(0) };
    },
    copyIn: (): void => {
      machine.nowMs += machine.copyMs;
    },
  };
  return { space: new SwapSpace(bytesMax, model, () => machine.nowMs), machine };
}
