import type { DecoderConfig } from '../architectures/config.js';
import type { KvMode, KvWish } from './kv-format.js';
import type { WeightMode } from './linear.js';

/** Whose operators compute attention, layers in w8a8 and what stands between them: the runtime's, or those of native/. */
export type Kernels = 'own' | 'runtime';

/**
 * Own kernels keep keys and values in 8 bits where the processor multiplies bytes, else in floats of 16 bits, which take twice
 * the memory and longer to read. The runtime's read no shorter floats than 32 bits, and lose more in 8.
 */
export function kvFor(wish: KvWish, kernels: Kernels, hasByteProducts: boolean): KvMode {
  if (wish !== 'auto') return wish;
  if (kernels === 'runtime') return 'f32';
  return hasByteProducts ? 'q8' : 'f16';
}

/** As weights go with it: 8-bit blocks lose so much by themselves that 8-bit keys and values are only taken where asked for. */
export function kvBeside(weights: WeightMode, wish: KvWish, kv: KvMode): KvMode {
  return wish === 'auto' && kv === 'q8' && weights !== 'w8a8' ? 'f16' : kv;
}

/** Prompts of which one pass with own kernels computes a slice: each costs what its tokens do, so what bounds them is tokens. */
export const OWN_CHUNKS_MAX = 8;

/** What vectors and buffers of native/ are made for. */
const VECTOR = 16;
const MIXED_VECTORS = 32;
const HEAD_DIM_MAX = 256;
const GROUP_MAX = 96;
const FEED_FORWARD_MAX = 32_768;

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
  if (feedForward % MIXED_VECTORS !== 0 || feedForward > FEED_FORWARD_MAX) {
    return `a feed-forward size of ${feedForward} must be a multiple of ${MIXED_VECTORS}, at most ${FEED_FORWARD_MAX}`;
  }
  return undefined;
}
