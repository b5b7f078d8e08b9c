import { assert } from '@sluice/shared';
import type { DecoderConfig } from '../architectures/config.js';
import type { KeyValueBounds } from './calibration.js';
import type { GraphBuilder } from './graph-builder.js';
import type { Attribute } from './onnx.js';

/**
 * How slots keep keys and values: in floats of 32 bits, of 16 bits, which own kernels read, or in 8-bit integers: with a scale
 * for each position of each head where own kernels read them, for each channel of each layer where the runtime's do. How they
 * lie is said in kv-layout.ts.
 */
export type KvMode = 'f32' | 'f16' | 'q8';
export const kvModes: readonly KvMode[] = ['f32', 'f16', 'q8'];
/** As slots are to keep them; `auto`: as `kvFor` chooses for kernels, weights and processor. */
export type KvWish = KvMode | 'auto';
export const kvWishes: readonly KvWish[] = ['auto', ...kvModes];

/**
 * Room above the largest value that calibration saw. What is larger still is cut off at the end of the range: it counts
 * as less than it is, and nothing else is touched. Keys lose by coarse steps, values by what is cut off.
 */
const HEADROOM = { keys: 1.1, values: 1.25 } as const;
const LEVELS = 127;
/** A logit of a sink that takes no weight from anything. */
const NO_SINK = -1e30;

/**
 * Whether rows of decode lanes get a sink of no weight, which has the kernel compute each row in one go. Without one it takes
 * another path (release 1.30): for integers a slower one; for floats a faster one, but one that shares out the keys of a
 * row among threads where a lane has fewer heads than there are threads, so that what a row gets would depend on its
 * neighbours.
 * @param threads most that compute a pass together.
 */
export function hasSink(mode: KvMode, { heads }: DecoderConfig, threads: number): boolean {
  return mode === 'q8' || threads > heads;
}

export interface KvOptions {
  /** Most threads that compute a pass together; 1 unless said otherwise. */
  readonly threads?: number;
  /** Of each layer; needed for q8 with the runtime's kernels. */
  readonly bounds?: readonly KeyValueBounds[];
  /** Called for each layer's queries, keys and values, where the graph is built to observe them. */
  readonly onHeads?: (builder: GraphBuilder, layer: number, qkv: string) => void;
}

/** Tells GroupQueryAttention how keys and values are kept; the same in all graphs of a model. */
export class KvFormat {
  readonly mode: KvMode;
  readonly #options: KvOptions;

  constructor(mode: KvMode, options: KvOptions = {}) {
    this.mode = mode;
    this.#options = options;
  }

  observe(builder: GraphBuilder, layer: number, qkv: string): void {
    this.#options.onHeads?.(builder, layer, qkv);
  }

  /** The decode lane's inputs behind the rotary tables: position_ids, attention_bias, head_sink, k_scale, v_scale. */
  decodeInputs(builder: GraphBuilder, config: DecoderConfig, layer: number): readonly string[] {
    if (!hasSink(this.mode, config, this.#options.threads ?? 1)) return [];
    const noSink = builder.floats('no_sink', new Float32Array(config.heads).fill(NO_SINK), [config.heads]);
    if (this.mode !== 'q8') return ['', '', noSink];
    const { keys, values } = this.scales(layer);
    const shape = [config.kvHeads * config.headDim];
    return [
      '',
      '',
      noSink,
      builder.floats(`layer${layer}.key_scales`, keys, shape),
      builder.floats(`layer${layer}.value_scales`, values, shape),
    ];
  }

  /** What one level of each channel is worth: [kvHeads * headDim] each, the same for both channels of a rotated pair. */
  scales(layer: number): KeyValueBounds {
    const bounds = this.#options.bounds?.[layer];
    assert(bounds !== undefined, `keys and values of layer ${layer} are calibrated`);
    return { keys: scalesOf(bounds.keys, HEADROOM.keys), values: scalesOf(bounds.values, HEADROOM.values) };
  }

  get attributes(): Record<string, Attribute> {
    if (this.mode !== 'q8') return {};
    return {
      k_quant_type: { string: 'PER_CHANNEL' },
      v_quant_type: { string: 'PER_CHANNEL' },
      kv_cache_bit_width: { int: 8 },
    };
  }
}

/** A channel that was always zero gets the least of the others. */
function scalesOf(bounds: Float32Array, headroom: number): Float32Array {
  const least = bounds.reduce((least, bound) => (bound > 0 && bound < least ? bound : least), Number.POSITIVE_INFINITY);
  const floor = Number.isFinite(least) ? least : 1;
  return bounds.map((bound) => (headroom * Math.max(bound, floor)) / LEVELS);
}
