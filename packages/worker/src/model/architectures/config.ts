/** What a llama-like decoder's metadata says, in our names. Sizes in elements. */
export interface DecoderConfig {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabularyCount: number;
  /** Most tokens the model was made for. */
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly rope: RopeConfig;
  /** Tokens that a row may look back; undefined: all. */
  readonly slidingWindowTokens: number | undefined;
}

export interface RopeConfig {
  readonly base: number;
  /** Positions are divided by it ("linear" scaling); 1: none. */
  readonly positionDivisor: number;
  /** Each frequency is divided by its factor (Llama 3's long context), [headDim / 2]; undefined: none. */
  readonly frequencyFactors: readonly number[] | undefined;
  /** Pairs are neighbours (x0, x1) and not halves (x0, x[dim/2]): how GGUF permutes the llama family. */
  readonly interleaved: boolean;
}

/**
 * Tokens of a prompt that ONNX Runtime's attention on CPU computes at a time: twice the head dimension, or fewer where
 * the processor's second-level cache is small (flash attention of release 1.30). This is the largest number, up to 128,
 * that divides all of those.
 */
export function attentionBlockTokens({ headDim }: DecoderConfig): number {
  const blockTokens = 2 * headDim;
  return Math.min(128, blockTokens & -blockTokens);
}

/**
 * Cosines and sines of every rotation, [positions, headDim / 2] each, in 32-bit floats from 64-bit angles.
 * RoFormer (Su et al. 2021), section 3.4.2.
 */
export function rotaryTables(config: DecoderConfig, positions: number): { cos: Float32Array; sin: Float32Array } {
  const half = config.headDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  const { base, positionDivisor, frequencyFactors } = config.rope;
  const frequencies = Float64Array.from(
    { length: half },
    (_, pair) => 1 / base ** ((2 * pair) / config.headDim) / (frequencyFactors?.[pair] ?? 1),
  );
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = (position / positionDivisor) * frequencies[pair]!;
      cos[position * half + pair] = Math.cos(angle);
      sin[position * half + pair] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
