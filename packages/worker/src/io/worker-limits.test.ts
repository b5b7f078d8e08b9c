import { describe, expect, it } from 'vitest';
import { TOKENS_PER_BLOCK, TokenLedger } from '../engine/kv/token-ledger.js';
import type { PolicyName } from '../engine/scheduler/policies.js';
import { kvBytesPerToken } from '../model/compile/kv-layout.js';
import { tinyModel } from '../model/tiny-model.js';
import { type SizeWishes, workerSizes } from './worker-limits.js';

const { config } = tinyModel(1, { contextTokens: 8192 });
const roomy = 1e12;

describe('workerSizes', () => {
  it('offers 64 slots of up to 4,096 tokens where nobody wishes otherwise', () => {
    expect(workerSizes({}, config, roomy)).toEqual({
      contextTokens: 4096,
      slots: 64,
      tokenBudget: 128,
      stepTokensMax: 64 + 1024,
      kvTokensMax: 64 * 4096,
      swapBytesMax: 16 * 4096 * kvBytesPerToken(config, 'f32', 'runtime'),
    });
    expect(workerSizes({}, { ...config, contextTokens: 512 }, roomy).contextTokens).toBe(512);
  });

  it('takes every wish that model and machine can grant', () => {
    const sizes = { context: 8192, slots: 2, tokenBudget: 500, kvTokens: 9600, swapMb: 3 };
    const wishes = { ...sizes, scheduler: 'sarathi' } as const;
    expect(workerSizes(wishes, config, roomy)).toEqual({
      contextTokens: 8192,
      slots: 2,
      tokenBudget: 500,
      stepTokensMax: 500,
      kvTokensMax: 9600,
      swapBytesMax: 3_000_000,
    });
  });

  it('makes passes as long as the policy may want them', () => {
    const longest = (scheduler: PolicyName): number =>
      workerSizes({ context: 2048, scheduler }, config, roomy).stepTokensMax;
    expect(longest('slo')).toBe(64 + 1024);
    expect(workerSizes({ context: 336 }, config, roomy).stepTokensMax).toBe(64 + 1024);
    expect(workerSizes({ context: 336, slots: 2 }, config, roomy).stepTokensMax).toBe(2 + 2 * 336);
    expect(longest('sarathi')).toBe(128);
    for (const name of ['prefill-first', 'iteration-level', 'request-level', 'hybrid-only'] as const) {
      expect(longest(name)).toBe(64 + 2048);
    }
    expect(workerSizes({ tokenBudget: 1_500, scheduler: 'slo' }, config, roomy).stepTokensMax).toBe(1_500);
  });

  it('lets keys and values take half of the free memory', () => {
    const free = 2 * 10_000 * kvBytesPerToken(config, 'f32', 'runtime');
    expect(workerSizes({}, config, free).kvTokensMax).toBe(10_000);
    expect(workerSizes({ kv: 'q8' }, config, free).kvTokensMax).toBe(40_000);
    // 16 channels of a byte and their scale, where there were 16 floats.
    expect(workerSizes({ kv: 'q8', kernels: 'own' }, config, free).kvTokensMax).toBe(32_000);
  });

  it('has room for one sequence of the whole context, however the context falls into blocks', () => {
    for (let context = 2; context <= 3 * TOKENS_PER_BLOCK; context++) {
      for (const slots of [1, 3]) {
        const { kvTokensMax } = workerSizes({ context, slots }, config, roomy);
        expect(new TokenLedger(kvTokensMax).tokensMax).toBeGreaterThanOrEqual(slots * context);
      }
    }
  });

  it.each<[SizeWishes, string]>([
    [{ context: 1 }, 'context 1 must be at least 2'],
    [{ context: 8193 }, 'context 8193 must be at most 8192'],
    [{ context: 10.5 }, 'context 10.5 must be a whole number'],
    [{ context: Number.NaN }, 'context NaN must be a whole number'],
    [{ slots: 0 }, 'slots 0 must be at least 1'],
    [{ slots: 1025 }, 'slots 1025 must be at most 1024'],
    [{ slots: 8, tokenBudget: 23 }, 'token-budget 23 must be at least 24'],
    [{ tokenBudget: 65_537 }, 'token-budget 65537 must be at most 65536'],
    [{ context: 4096, kvTokens: 4095 }, 'kv-tokens 4095 must be at least 4096'],
    [{ context: 4096, slots: 2, kvTokens: 8193 }, 'kv-tokens 8193 must be at most 8192'],
  ])('refuses %o, naming setting, value and bound', (wishes, message) => {
    expect(() => workerSizes(wishes, config, roomy)).toThrow(message);
  });

  it('refuses copies that have no room beside keys and values, naming what they could have', () => {
    const free = 10_000_000;
    const kvBytes = workerSizes({}, config, free).kvTokensMax * kvBytesPerToken(config, 'f32', 'runtime');
    const most = Math.floor((free - kvBytes) / 1e6);
    expect(workerSizes({ swapMb: most }, config, free).swapBytesMax).toBe(most * 1_000_000);
    expect(() => workerSizes({ swapMb: most + 1 }, config, free)).toThrow(
      `swap-mb ${most + 1} must be at most ${most} for the free memory`,
    );
    expect(workerSizes({ swapMb: 0 }, config, free).swapBytesMax).toBe(0);
  });

  it('says what to change where the memory does not even hold one sequence', () => {
    const free = 2 * 1000 * kvBytesPerToken(config, 'f32', 'runtime');
    expect(() => workerSizes({}, config, free)).toThrow(
      'context 4096 must be at most 992 for the free memory of this machine (1 MB, half of it for keys and values)',
    );
    expect(workerSizes({ context: 900 }, config, free).kvTokensMax).toBe(1000);
  });
});
