import { assert } from '@sluice/shared';
import type { DecoderConfig } from '../architectures/config.js';
import type { KvMode, KvWish } from './kv-format.js';
import type { WeightMode } from './linear.js';

/**
 * Whose operators compute attention, layers in w8a8 and what stands between them, and pick tokens: the runtime's, or those of
 * native/.
 */
export type Kernels = 'own' | 'runtime';

/**
 * How keys and values are kept. `auto` with own kernels: in 8 bits where the processor multiplies bytes and weights are in
 * w8a8, because 8-bit blocks lose so much by themselves that 8-bit keys and values are only taken where asked for; else in
 * floats of 16 bits, which take twice the memory and longer to read. `auto` with the runtime's: in floats of 32 bits, since
 * they read no shorter ones and lose more in 8.
 * @param wish with the runtime's kernels not f16, which `fittingKernels` refuses.
 */
export function kvFor(wish: KvWish, kernels: Kernels, weights: WeightMode, hasByteProducts: boolean): KvMode {
  assert(wish !== 'f16' || kernels === 'own', "the runtime's kernels read no floats of 16 bits");
  if (wish !== 'auto') return wish;
  if (kernels === 'runtime') return 'f32';
  return weights === 'w8a8' && hasByteProducts ? 'q8' : 'f16';
}

/** Prompts of which one pass with own kernels computes a slice: each costs what its tokens do, so what bounds them is tokens. */
export const OWN_CHUNKS_MAX = 8;

/** What vectors and buffers of native/ are made for. */
const VECTOR = 16;
const MIXED_VECTORS = 32;
const HEAD_DIM_MAX = 256;
const GROUP_MAX = 96;

/** Why own kernels cannot compute a model of these sizes; undefined where they can. */
export function ownMisfit(
  config: Pick<DecoderConfig, 'hidden' | 'heads' | 'kvHeads' | 'headDim' | 'feedForward'>,
): string | undefined {
  const { hidden, heads, kvHeads, headDim, feedForward } = config;
  if (headDim % VECTOR !== 0 || headDim > HEAD_DIM_MAX) {
    return `heads of ${headDim} channels must have a multiple of ${VECTOR}, at most ${HEAD_DIM_MAX}`;
  }
  if (heads / kvHeads > GROUP_MAX) return `${heads / kvHeads} heads that share keys must be at most ${GROUP_MAX}`;
  if (hidden % VECTOR !== 0) return `a hidden size of ${hidden} must be a multiple of ${VECTOR}`;
  if (feedForward % MIXED_VECTORS === 0) return undefined;
  return `a feed-forward size of ${feedForward} must be a multiple of ${MIXED_VECTORS}`;
}
