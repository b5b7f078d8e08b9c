import type { DecoderConfig } from '../architectures/config.js';
import type { Kernels } from './kernels.js';
import type { KvMode } from './kv-format.js';
import { elementBytes } from './onnx.js';

/** How keys, or values, of a head in a slot lie in memory: [positions, positionLength]. */
export interface KvLayout {
  readonly type: 'float32' | 'float16' | 'int8' | 'uint8';
  /** Elements of a position. */
  readonly positionLength: number;
  /** Positions whose elements lie among each other; a slot has whole blocks of them, and whole blocks are copied. */
  readonly blockTokens: number;
}

const types = { f32: 'float32', f16: 'float16', q8: 'int8' } as const;
/** Own kernels have a float beside the integers of a position, and take 16 positions at once (native/attention-integers.c). */
const SCALE_BYTES = 4;
const BLOCK_TOKENS = 16;

/** The one place that says so. Integers have scales beside them with own kernels; with the runtime's, the graph has those. */
export function kvLayout(kv: KvMode, kernels: Kernels, { headDim }: Pick<DecoderConfig, 'headDim'>): KvLayout {
  if (kv === 'q8' && kernels === 'own') {
    return { type: 'uint8', positionLength: headDim + SCALE_BYTES, blockTokens: BLOCK_TOKENS };
  }
  return { type: types[kv], positionLength: headDim, blockTokens: 1 };
}

/** Elements of the first `tokens` positions of a head, in whole blocks. */
export function headLength({ positionLength, blockTokens }: KvLayout, tokens: number): number {
  return Math.ceil(tokens / blockTokens) * blockTokens * positionLength;
}

/** Key and value of one token over all layers. */
export function kvBytesPerToken(config: DecoderConfig, kv: KvMode, kernels: Kernels): number {
  const { type, positionLength } = kvLayout(kv, kernels, config);
  return 2 * config.layers * config.kvHeads * positionLength * elementBytes[type];
}
