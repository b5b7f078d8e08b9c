import { assert } from '@sluice/shared';
import type { DecoderConfig } from '../architectures/config.js';
import type { KeyValueBounds } from './calibration.js';
import type { GraphBuilder } from './graph-builder.js';
import type { Attribute } from './onnx.js';

/** How slots keep keys and values: in 32-bit floats, or in 8-bit integers with a scale for each channel of each layer. */
export type KvMode = 'f32' | 'q8';
export const kvModes: readonly KvMode[] = ['f32', 'q8'];
/** The type of an element of the cache. */
export const kvElementType = { f32: 'float32', q8: 'int8' } as const satisfies Record<KvMode, string>;

/**
 * Room above the largest value that calibration saw. What is larger still is cut off at the end of the range: it counts
 * as less than it is, and nothing else is touched. From 1 to 1.35 the default model loses the same; 2 costs a third more,
 * and 0.8, for values, twice as much.
 */
const HEADROOM = 1.25;
const LEVELS = 127;
/** A logit of a sink that takes no weight from anything. */
const NO_SINK = -1e30;

export interface KvOptions {
  /** Of each layer; needed for q8. */
  readonly bounds?: readonly KeyValueBounds[];
  /** Called for each layer's queries, keys and values, where the graph is built to observe them. */
  readonly onHeads?: (builder: GraphBuilder, layer: number, qkv: string) => void;
}

/** Tells GroupQueryAttention how keys and values are kept; the same in all graphs of a model. */
export class KvFormat {
  readonly mode: KvMode;
  readonly #options: KvOptions;

  constructor(mode: KvMode, options: KvOptions = {}) {
    assert(mode !== 'q8' || options.bounds !== undefined, 'keys and values in 8 bits are calibrated first');
    this.mode = mode;
    this.#options = options;
  }

  observe(builder: GraphBuilder, layer: number, qkv: string): void {
    this.#options.onHeads?.(builder, layer, qkv);
  }

  /**
   * The decode lane's inputs behind the rotary tables: position_ids, attention_bias, head_sink, k_scale, v_scale.
   *
   * Rows get a sink of no weight. With one, the kernel computes each row in one go. Without, it would split
   * the keys of a row over threads where there are more threads than heads in the batch (release 1.30), and what a row
   * gets would depend on its neighbours.
   */
  decodeInputs(builder: GraphBuilder, config: DecoderConfig, layer: number): readonly string[] {
    const noSink = builder.floats('no_sink', new Float32Array(config.heads).fill(NO_SINK), [config.heads]);
    if (this.mode === 'f32') return ['', '', noSink];
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
    return { keys: scalesOf(bounds.keys), values: scalesOf(bounds.values) };
  }

  get attributes(): Record<string, Attribute> {
    if (this.mode === 'f32') return {};
    return {
      k_quant_type: { string: 'PER_CHANNEL' },
      v_quant_type: { string: 'PER_CHANNEL' },
      kv_cache_bit_width: { int: 8 },
    };
  }
}

/** A channel that was always zero gets the least of the others. */
function scalesOf(bounds: Float32Array): Float32Array {
  const least = bounds.reduce((least, bound) => (bound > 0 && bound < least ? bound : least), Number.POSITIVE_INFINITY);
  const floor = Number.isFinite(least) ? least : 1;
  return bounds.map((bound) => (HEADROOM * Math.max(bound, floor)) / LEVELS);
}
