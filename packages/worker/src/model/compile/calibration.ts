/** What is known of a model's values, from running a text through it. */
export interface Calibration {
  /** Largest magnitude of each input channel, [columns], by the layer's name. */
  readonly largest: ReadonlyMap<string, Float32Array>;
  /** Layers whose inputs lose too much with one scale for a whole row: they stay in 8-bit blocks. */
  readonly keepInBlocks: ReadonlySet<string>;
  /** Of each layer. */
  readonly keyValues: readonly KeyValueBounds[];
}

/** Largest magnitudes of what a layer's slots keep, by channel: [kvHeads * headDim], row-major. */
export interface KeyValueBounds {
  /** Whatever their position turns them by: both channels of a pair have the pair's length. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}
