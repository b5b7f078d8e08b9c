import { describe, expect, it } from 'vitest';
import { readGgufTokenizer } from '../text/gguf-tokenizer.js';
import { createTokenizer } from '../text/tokenizer.js';
import { architectureOf } from './architectures/architecture.js';
import type { ByteSource } from './gguf/byte-source.js';
import { readGguf } from './gguf/gguf-file.js';
import { referenceGreedy } from './reference.js';
import { tinyModel } from './tiny-model.js';

describe('tinyModel', () => {
  it('is the same for the same seed and another for another', () => {
    expect(sameBytes(tinyModel(3).gguf, tinyModel(3).gguf)).toBe(true);
    expect(sameBytes(tinyModel(3).gguf, tinyModel(4).gguf)).toBe(false);
  });

  it('writes a file that reads back as the same model', async () => {
    for (const matrixType of ['F32', 'F16', 'Q8_0', 'Q4_1'] as const) {
      const rope = { frequencyFactors: [1, 1, 1, 1, 2, 4, 8, 8] };
      const { config, weights, gguf } = tinyModel(5, { matrixType, tied: false, rope });
      const file = await readGguf(sourceOf(gguf));
      const read = await architectureOf(file).readConfig(file);
      expect({ ...read, normEpsilon: 0 }).toEqual({ ...config, normEpsilon: 0 });
      expect(read.normEpsilon).toBeCloseTo(config.normEpsilon, 10);
      expect([...file.tensors.keys()]).toEqual([...weights.keys()]);
      for (const [name, { shape, data }] of weights) {
        expect(file.tensor(name).shape).toEqual(shape);
        expect(sameBytes(await file.readTensor(name), data), name).toBe(true);
      }
    }
  });

  it('generates tokens that its tokenizer can write, and different ones for different prompts', async () => {
    const { config, weights, gguf } = tinyModel(6);
    const tokenizer = createTokenizer(readGgufTokenizer((await readGguf(sourceOf(gguf))).metadata));
    expect(tokenizer.vocabularyCount).toBe(config.vocabularyCount);
    const prompts = ['the cat and the hat', 'x = 1;', 'you'].map((text) => tokenizer.encode(text, { special: true }));
    const outputs = prompts.map((ids) => referenceGreedy(weights, config, ids, 6));
    expect(new Set(outputs.map((ids) => ids.join())).size).toBe(3);
    expect(tokenizer.decode(prompts[0] ?? [])).toBe('the cat and the hat');
  });
});

/** Vitest's own comparison takes seconds for arrays of this length. */
function sameBytes(a: Uint8Array | Float32Array, b: Uint8Array | Float32Array): boolean {
  const bytes = (array: Uint8Array | Float32Array): Buffer =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return bytes(a).equals(bytes(b));
}

function sourceOf(bytes: Uint8Array<ArrayBuffer>): ByteSource {
  return {
    name: 'tiny.gguf',
    byteCount: bytes.length,
    read: (offset, count) => Promise.resolve(bytes.slice(offset, offset + count)),
    close: () => Promise.resolve(),
  };
}
