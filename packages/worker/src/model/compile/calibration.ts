/** What is known of the inputs of linear layers, from running a text through the model. */
export interface Calibration {
  /** Largest magnitude of each input channel, [columns], by the layer's name. */
  readonly largest: ReadonlyMap<string, Float32Array>;
  /** Layers whose inputs lose too much with one scale for a whole row: they stay in 8-bit blocks. */
  readonly keepInBlocks: ReadonlySet<string>;
}
