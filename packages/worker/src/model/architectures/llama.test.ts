import { describe, expect, it } from 'vitest';
import { memorySource } from '../gguf/byte-source.js';
import { type GgufFile, readGguf } from '../gguf/gguf-file.js';
import { type WritableTensor, type WritableValue, writeGguf } from '../gguf/gguf-writer.js';
import { tinyModel } from '../tiny-model.js';
import { architectureOf } from './architecture.js';
import { attentionBlockTokens, type DecoderConfig, rotaryTables } from './config.js';

const tiny = tinyModel(1);

describe('architectureOf', () => {
  it.each(['gpt2', 'constructor', '__proto__'])('names an architecture that is not supported: %s', async (name) => {
    const file = await fileOf({ 'general.architecture': name });
    expect(() => architectureOf(file)).toThrow(`architecture "${name}" is not supported (supported: llama)`);
  });
});

describe('llama.readConfig', () => {
  it('reads the sizes of the model, with the defaults of the family', async () => {
    const { slidingWindowTokens, ...expected } = tiny.config;
    const config = await read({ 'llama.rope.freq_base': undefined, 'llama.attention.key_length': undefined });
    expect(config).toMatchObject({ ...expected, normEpsilon: expect.closeTo(1e-5, 9) });
    expect(config.slidingWindowTokens).toBe(slidingWindowTokens);
  });

  it.each<[string, Record<string, WritableValue | undefined>, string]>([
    ['a missing key', { 'llama.block_count': undefined }, 'llama.block_count'],
    ['a key of another type', { 'llama.embedding_length': 'wide' }, 'llama.embedding_length'],
    ['no layers', { 'llama.block_count': 0 }, 'layers 0 must be above 0'],
    ['no heads', { 'llama.attention.head_count': 0 }, 'heads 0 must be above 0'],
    ['heads that do not share evenly', { 'llama.attention.head_count_kv': 3 }, '4 heads must be a multiple of 3'],
    ['a head dimension of 24', { 'llama.attention.key_length': 24 }, 'head dimension 24 must be a multiple of 16'],
    ['half rotated heads', { 'llama.rope.dimension_count': 8 }, 'rotary dimension 8 must equal head dimension 16'],
    ['wider values', { 'llama.attention.value_length': 32 }, 'value dimension 32 must equal key dimension 16'],
    ['experts', { 'llama.expert_count': 8 }, 'mixture of 8 experts is not supported'],
    ['narrow layers', { 'llama.feed_forward_length': 100 }, 'layer width 100 must be a multiple of 32'],
    ['another scaling', { 'llama.rope.scaling.type': 'yarn' }, 'rotary scaling "yarn" is not supported'],
    ['a scaling without factor', { 'llama.rope.scaling.type': 'linear' }, 'llama.rope.scaling.factor'],
    [
      'a scaling by zero',
      { 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 0 },
      'rotary scaling factor 0 must be above 0',
    ],
    ['more layers than tensors', { 'llama.block_count': 4_000_000_000 }, 'has no tensor "blk.2.attn_norm.weight"'],
    [
      'more layers than tensors, scaled',
      { 'llama.block_count': 3, 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 2 },
      'has no tensor "blk.2.attn_norm.weight"',
    ],
  ])('refuses a file with %s, naming it', async (_, metadata, message) => {
    await expect(read(metadata)).rejects.toMatchObject({
      code: 'model_unusable',
      message: expect.stringContaining(message),
    });
  });

  it.each<[string, (tensors: WritableTensor[]) => WritableTensor[], string]>([
    ['a tensor missing', without('blk.1.ffn_up.weight'), 'has no tensor "blk.1.ffn_up.weight"'],
    ['no embedding', without('token_embd.weight'), 'has no tensor "token_embd.weight"'],
    [
      'a tensor of another shape',
      reshaped('blk.0.attn_k.weight', [64, 32]),
      'tensor blk.0.attn_k.weight has shape [64, 32] where its metadata says [32, 64]',
    ],
    ['biases', having('blk.0.attn_q.bias', [64]), 'tensor blk.0.attn_q.bias is not part of a llama model'],
    ['a head of another shape', having('output.weight', [64, 288]), 'tensor output.weight has shape [64, 288]'],
    ['too few frequency factors', having('rope_freqs.weight', [4]), 'tensor rope_freqs.weight has shape [4]'],
  ])('refuses a file with %s, naming it', async (_, change, message) => {
    await expect(read({}, change)).rejects.toMatchObject({
      code: 'model_unusable',
      message: expect.stringContaining(message),
    });
  });

  it('takes a head and frequency factors of their own', async () => {
    await expect(read({}, having('output.weight', [288, 64]))).resolves.toMatchObject({ layers: 2 });
    const { rope } = await read({}, having('rope_freqs.weight', [8]));
    expect(rope.frequencyFactors).toHaveLength(8);
  });
});

describe('rotaryTables', () => {
  it('turns no pair at position 0, and each further by its frequency', () => {
    const { cos, sin } = rotaryTables(tiny.config, 3);
    expect([...cos.subarray(0, 8)]).toEqual(Array(8).fill(1));
    expect([...sin.subarray(0, 8)]).toEqual(Array(8).fill(0));
    expect(sin[2 * 8]).toBeCloseTo(Math.sin(2), 6);
    expect(cos[2 * 8 + 4]).toBeCloseTo(Math.cos(2 / 10_000 ** (8 / 16)), 6);
  });
});

describe('attentionBlockTokens', () => {
  it.each([
    [16, 32],
    [48, 32],
    [64, 128],
    [80, 32],
    [96, 64],
    [128, 128],
    [256, 128],
  ])('divides every block size that the kernel may choose for heads of %d', (headDim, blockTokens) => {
    expect(attentionBlockTokens({ ...tiny.config, headDim })).toBe(blockTokens);
    expect((2 * headDim) % blockTokens).toBe(0);
  });
});

const metadata: Record<string, WritableValue> = {
  'general.architecture': 'llama',
  'llama.block_count': 2,
  'llama.context_length': 512,
  'llama.embedding_length': 64,
  'llama.feed_forward_length': 96,
  'llama.attention.head_count': 4,
  'llama.attention.head_count_kv': 2,
  'llama.attention.key_length': 16,
  'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: 1e-5 },
};

/** A file of the tiny model, with metadata replaced (undefined: left out) and tensors changed. */
function fileOf(
  changes: Record<string, WritableValue | undefined>,
  change: (tensors: WritableTensor[]) => WritableTensor[] = (tensors) => tensors,
): Promise<GgufFile> {
  const entries = Object.entries({ ...metadata, ...changes }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  const tensors = [...tiny.weights].map(([name, { shape, data }]) => ({ name, type: 'F32' as const, shape, data }));
  return readGguf(memorySource(writeGguf({ metadata: Object.fromEntries(entries), tensors: change(tensors) })));
}

async function read(...changes: Parameters<typeof fileOf>): Promise<DecoderConfig> {
  const file = await fileOf(...changes);
  return architectureOf(file).readConfig(file);
}

function without(name: string) {
  return (tensors: WritableTensor[]) => tensors.filter((tensor) => tensor.name !== name);
}

function reshaped(name: string, shape: readonly number[]) {
  return (tensors: WritableTensor[]) => tensors.map((tensor) => (tensor.name === name ? { ...tensor, shape } : tensor));
}

function having(name: string, shape: readonly number[]) {
  const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
  return (tensors: WritableTensor[]) => [...tensors, { name, type: 'F32' as const, shape, data }];
}
