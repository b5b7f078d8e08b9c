import { assert } from '@sluice/shared';
import type { DecoderConfig } from './architectures/config.js';

export interface ReferenceTensor {
  /** Outermost first, row-major: [outputs, inputs] of a linear layer. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** By GGUF tensor name. */
export type ReferenceWeights = ReadonlyMap<string, ReferenceTensor>;

/**
 * A llama-like decoder in the plainest form: one sequence, no cache, no batching, every position computed from the start
 * in 64-bit floats on 32-bit weights. The oracle that fast engines are checked against; hopelessly slow on real models.
 * After Touvron et al. 2023; rotary positions after Su et al. 2021 with GGUF's permuted q and k rows; grouped-query
 * attention after Ainslie et al. 2023; the frequency factors of `rope_freqs.weight` as in Llama 3.1.
 * @param ids at least one token id, each below the vocabulary's count.
 * @returns logits [ids.length] of [vocabulary], rounded to 32 bits; row i says what comes after ids[0..i].
 */
export function referenceLogits(
  weights: ReferenceWeights,
  config: DecoderConfig,
  ids: readonly number[],
): Float32Array[] {
  const head = weights.get('output.weight') ?? tensorOf(weights, 'token_embd.weight');
  return referenceStates(weights, config, ids).map((state) => Float32Array.from(linear(head, state)));
}

/** What the head reads: states behind the last norm, [ids.length] of [hidden]. */
export function referenceStates(
  weights: ReferenceWeights,
  config: DecoderConfig,
  ids: readonly number[],
): Float64Array[] {
  const embedding = tensorOf(weights, 'token_embd.weight');
  let states: Vector[] = ids.map((id) => Float64Array.from(rowOf(embedding, id)));
  for (let layer = 0; layer < config.layers; layer++) {
    const weight = (name: string): ReferenceTensor => tensorOf(weights, `blk.${layer}.${name}.weight`);
    const attended = attention(
      states.map((state) => rmsNorm(state, weight('attn_norm'), config.normEpsilon)),
      weight,
      weights,
      config,
    );
    states = states.map((state, position) => sum(state, attended[position] ?? state));
    states = states.map((state) =>
      sum(state, feedForward(rmsNorm(state, weight('ffn_norm'), config.normEpsilon), weight)),
    );
  }
  return states.map((state) => rmsNorm(state, tensorOf(weights, 'output_norm.weight'), config.normEpsilon));
}

/**
 * The `count` tokens that greedy decoding generates after `ids`; of equal logits the lowest id. Computes everything anew
 * for each token: to check a long output, ask `referenceLogits` once for prompt and output together.
 */
export function referenceGreedy(
  weights: ReferenceWeights,
  config: DecoderConfig,
  ids: readonly number[],
  count: number,
): number[] {
  const all = [...ids];
  for (let step = 0; step < count; step++) {
    const logits = referenceLogits(weights, config, all).at(-1);
    assert(logits !== undefined, 'greedy decoding begins with at least one token');
    all.push(largestIndex(logits));
  }
  return all.slice(ids.length);
}

/** Index of the largest value, the first of equals; 0 of none. */
export function largestIndex(values: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] ?? 0) > (values[best] ?? 0)) best = index;
  }
  return best;
}

type Vector = Float64Array;

/** Causal self-attention over all positions: [positions] of [hidden] in and out. */
function attention(
  inputs: readonly Vector[],
  weight: (name: string) => ReferenceTensor,
  weights: ReferenceWeights,
  config: DecoderConfig,
): Vector[] {
  const { heads, kvHeads, headDim } = config;
  const factors = config.rope.frequencyFactors ?? weights.get('rope_freqs.weight')?.data;
  const headsOf = (name: string, input: Vector): Vector[] => split(linear(weight(name), input), headDim);
  const rotated = (name: string): Vector[][] =>
    inputs.map((input, position) => headsOf(name, input).map((head) => rotate(head, position, config, factors)));
  const queries = rotated('attn_q');
  const keys = rotated('attn_k');
  const values = inputs.map((input) => headsOf('attn_v', input));
  return inputs.map((_, position) => {
    const first = Math.max(0, position + 1 - (config.slidingWindowTokens ?? Number.POSITIVE_INFINITY));
    const mixed = new Float64Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const scores: number[] = [];
      for (let past = first; past <= position; past++) {
        scores.push(dot(at(queries, position, head), at(keys, past, kvHead)) / Math.sqrt(headDim));
      }
      for (const [offset, share] of softmax(scores).entries()) {
        const value = at(values, first + offset, kvHead);
        for (let d = 0; d < headDim; d++) mixed[head * headDim + d]! += share * value[d]!;
      }
    }
    return linear(weight('attn_output'), mixed);
  });
}

/** SwiGLU (Shazeer 2020). */
function feedForward(input: Vector, weight: (name: string) => ReferenceTensor): Vector {
  const up = linear(weight('ffn_up'), input);
  const gate = linear(weight('ffn_gate'), input);
  const hidden = gate.map((value, index) => (value / (1 + Math.exp(-value))) * (up[index] ?? 0));
  return linear(weight('ffn_down'), hidden);
}

/** Turns each pair of a head by its angle at this position. */
function rotate(head: Vector, position: number, config: DecoderConfig, factors: ArrayLike<number> | undefined): Vector {
  const { base, positionDivisor, interleaved } = config.rope;
  const half = head.length / 2;
  const turned = new Float64Array(head.length);
  for (let pair = 0; pair < half; pair++) {
    const frequency = base ** (-pair / half) / (factors?.[pair] ?? 1);
    const angle = (position / positionDivisor) * frequency;
    const first = interleaved ? 2 * pair : pair;
    const second = interleaved ? 2 * pair + 1 : pair + half;
    turned[first] = head[first]! * Math.cos(angle) - head[second]! * Math.sin(angle);
    turned[second] = head[first]! * Math.sin(angle) + head[second]! * Math.cos(angle);
  }
  return turned;
}

function rmsNorm(input: Vector, weight: ReferenceTensor, epsilon: number): Vector {
  const scale = 1 / Math.sqrt(dot(input, input) / input.length + epsilon);
  return input.map((value, index) => value * scale * weight.data[index]!);
}

/** weight [outputs, inputs] times input [inputs]. */
function linear(weight: ReferenceTensor, input: Vector): Vector {
  const [outputs = 0, inputs = 0] = weight.shape;
  assert(inputs === input.length, `a layer of ${inputs} inputs cannot read ${input.length} values`);
  return Float64Array.from({ length: outputs }, (_, output) => dot(rowOf(weight, output), input));
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < a.length; index++) total += a[index]! * b[index]!;
  return total;
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, index) => value + b[index]!);
}

function split(values: Vector, length: number): Vector[] {
  return Array.from({ length: values.length / length }, (_, part) =>
    values.subarray(part * length, (part + 1) * length),
  );
}

function at(rows: readonly (readonly Vector[])[], position: number, head: number): Vector {
  const vector = rows[position]?.[head];
  assert(vector !== undefined, `there is a head ${head} at position ${position}`);
  return vector;
}

function rowOf({ shape, data }: ReferenceTensor, row: number): Float32Array {
  const [rows = 0, columns = 0] = shape;
  assert(row >= 0 && row < rows, `row ${row} must be below ${rows}`);
  return data.subarray(row * columns, (row + 1) * columns);
}

function tensorOf(weights: ReferenceWeights, name: string): ReferenceTensor {
  const tensor = weights.get(name);
  assert(tensor !== undefined, `the weights have a tensor ${name}`);
  return tensor;
}
