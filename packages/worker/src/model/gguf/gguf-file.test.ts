import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gguf as parseWithLibrary } from '@huggingface/gguf';
import { ServingError } from '@sluice/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.js';
import { type GgufFile, readGguf } from './gguf-file.js';
import { type WritableGguf, writeGguf } from './gguf-writer.js';

const tiny: WritableGguf = {
  metadata: {
    'general.architecture': 'llama',
    'llama.block_count': 2,
    'llama.rope.freq_base': { type: 'float32', value: 10_000 },
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.ggml.tokens': ['<s>', 'Ġthe', '日本'],
    'tokenizer.ggml.token_type': [3, 1, 1],
    'tokenizer.ggml.scores': [-0.5, -1.5, 0],
    'test.uint8': { type: 'uint8', value: 200 },
    'test.int8': { type: 'int8', value: -3 },
    'test.uint16': { type: 'uint16', value: 60_000 },
    'test.int16': { type: 'int16', value: -30_000 },
    'test.uint64': { type: 'uint64', value: 2n ** 40n },
    'test.huge': { type: 'uint64', value: 2n ** 63n },
    'test.int64': { type: 'int64', value: -5n },
    'test.float64': { type: 'float64', value: 0.1 },
    'test.nested': {
      type: 'array',
      of: 'array',
      value: [{ type: 'array', of: 'uint32', value: [{ type: 'uint32', value: 7 }] }],
    },
  },
  tensors: [
    { name: 'token_embd.weight', type: 'Q8_0', shape: [3, 32], data: ramp(96) },
    { name: 'output_norm.weight', type: 'F32', shape: [5], data: ramp(5) },
    { name: 'blk.0.attn_q.weight', type: 'F16', shape: [2, 3], data: ramp(6) },
  ],
};
const tinyBytes = writeGguf(tiny);

describe('readGguf', () => {
  it('reads metadata of every type', async () => {
    const { metadata } = await read(tinyBytes);
    expect(metadata.string('general.architecture')).toBe('llama');
    expect(metadata.number('llama.block_count')).toBe(2);
    expect(metadata.number('llama.rope.freq_base')).toBe(10_000);
    expect(metadata.boolean('tokenizer.ggml.add_bos_token')).toBe(false);
    expect(metadata.strings('tokenizer.ggml.tokens')).toEqual(['<s>', 'Ġthe', '日本']);
    expect(metadata.numbers('tokenizer.ggml.token_type')).toEqual([3, 1, 1]);
    expect(metadata.numbers('tokenizer.ggml.scores')).toEqual([-0.5, -1.5, 0]);
    const names = ['uint8', 'int8', 'uint16', 'int16', 'uint64', 'int64', 'float64'];
    expect(names.map((name) => metadata.number(`test.${name}`))).toEqual([200, -3, 60_000, -30_000, 2 ** 40, -5, 0.1]);
  });

  it('gives tensors their shape with the outer dimension first, and their values', async () => {
    const file = await read(tinyBytes);
    expect([...file.tensors.keys()]).toEqual(tiny.tensors.map(({ name }) => name));
    expect(file.tensor('token_embd.weight')).toMatchObject({ type: 'Q8_0', shape: [3, 32], byteCount: 3 * 34 });
    expect(await file.readTensor('output_norm.weight')).toEqual(ramp(5));
    expect(await file.readTensor('blk.0.attn_q.weight')).toEqual(ramp(6));
    expect(await file.readTensorBytes('output_norm.weight')).toEqual(new Uint8Array(ramp(5).buffer));
  });

  it('agrees with the parser of @huggingface/gguf', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-gguf-'));
    try {
      const filePath = path.join(folder, 'tiny.gguf');
      writeFileSync(filePath, tinyBytes);
      const theirs = await parseWithLibrary(filePath, { allowLocalFile: true });
      const ours = await read(tinyBytes);
      expect(theirs.tensorInfos.map(({ name, shape }) => [name, shape.map(Number).reverse()])).toEqual(
        [...ours.tensors.values()].map(({ name, shape }) => [name, shape]),
      );
      expect(theirs.tensorInfos.map(({ offset }) => Number(theirs.tensorDataOffset + offset))).toEqual(
        [...ours.tensors.values()].map(({ byteOffset }) => byteOffset),
      );
      const metadata = new Map<string, unknown>(Object.entries(theirs.metadata));
      expect(metadata.get('tokenizer.ggml.tokens')).toEqual(ours.metadata.strings('tokenizer.ggml.tokens'));
      expect(metadata.get('llama.rope.freq_base')).toBe(ours.metadata.number('llama.rope.freq_base'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('honours an alignment of its own', async () => {
    const file = await read(writeGguf({ ...tiny, alignment: 128 }));
    expect([...file.tensors.values()].map(({ byteOffset }) => byteOffset % 128)).toEqual([0, 0, 0]);
    expect(await file.readTensor('blk.0.attn_q.weight')).toEqual(ramp(6));
  });

  it('reads a header that is longer than its first read', async () => {
    const tokens = Array.from({ length: 1000 }, (_, index) => `${index} `.repeat(5000));
    const file = await read(writeGguf({ ...tiny, metadata: { 'tokenizer.ggml.tokens': tokens } }));
    expect(file.metadata.strings('tokenizer.ggml.tokens')).toEqual(tokens);
    expect(await file.readTensor('output_norm.weight')).toEqual(ramp(5));
  });
});

describe('Metadata', () => {
  it.each([
    ['a missing key', (file: GgufFile) => file.metadata.string('llama.nope'), 'has no metadata key "llama.nope"'],
    [
      'a wrong type',
      (file: GgufFile) => file.metadata.number('general.architecture'),
      'metadata key "general.architecture" must be a number, not a string',
    ],
    [
      'a list where one value is wanted',
      (file: GgufFile) => file.metadata.optionalString('tokenizer.ggml.tokens'),
      'metadata key "tokenizer.ggml.tokens" must be a string, not a list of strings',
    ],
    [
      'an integer that a number cannot hold',
      (file: GgufFile) => file.metadata.number('test.huge'),
      'metadata key "test.huge" must be a number, not 9223372036854775808',
    ],
  ])('names the key of %s', async (_, use, message) => {
    const file = await read(tinyBytes);
    const thrown = await Promise.resolve()
      .then(() => use(file))
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'model_unusable', message: expect.stringContaining(message) });
  });

  it('leaves out what is optional and missing', async () => {
    const { metadata } = await read(tinyBytes);
    expect(metadata.optionalNumber('llama.nope')).toBeUndefined();
    expect(metadata.optionalStrings('llama.nope')).toBeUndefined();
  });
});

describe('readGguf, of a file that is no good', () => {
  it.each([
    ['another format', patched(0, [0x50, 0x4b, 3, 4]), 'begins with the bytes 50 4b 03 04 instead of 47 47 55 46'],
    ['version 1', patched(4, [1, 0, 0, 0]), 'GGUF version 1 must be 2 or 3'],
    ['big-endian', patched(4, [0, 0, 0, 3]), 'it is big-endian'],
    ['an absurd count of tensors', patched(8, [255, 255, 255, 255, 255, 255, 255, 127]), 'the tensor table: the count'],
    ['an absurd count of keys', patched(16, [0, 0, 0, 0, 1]), 'the metadata: the count 4294967296'],
    ['no bytes at all', new Uint8Array(0), 'cut short at byte 0: the magic number needs bytes 0 to 4'],
    ['a value type that does not exist', retyped('general.architecture', 13), 'must be 0 to 12'],
    [
      'a tensor type that is not supported',
      writeTensorType(23),
      'tensor "only.weight" has the type IQ4_XS, which is not supported (supported: F32, F16',
    ],
    ['a tensor type that is not known', writeTensorType(77), 'tensor "only.weight" has the type number 77'],
    [
      'rows that do not fill blocks',
      writeGguf({ metadata: {}, tensors: [{ name: 'odd', type: 'Q8_0', shape: [32, 2], data: ramp(64) }] }),
      'tensor "odd" has rows of 2 values, not a multiple of the 32 of a Q8_0 block',
    ],
    [
      'two tensors of one name',
      writeGguf({
        metadata: {},
        tensors: ['twin', 'twin'].map((name) => ({ name, type: 'F32' as const, shape: [1], data: ramp(1) })),
      }),
      'tensor "twin" is listed twice',
    ],
    [
      'an alignment that is no power of two',
      writeGguf({ metadata: { 'general.alignment': 48 }, tensors: [] }),
      'general.alignment 48 must be a power of two',
    ],
  ])('says what is wrong with %s', async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'model_unusable',
      message: expect.stringContaining(message),
    });
    await expect(read(bytes)).rejects.toThrow(/^some\/tiny\.gguf is not a usable GGUF file: /);
  });

  it('names the tensor that is cut off and how long the file should be', async () => {
    await expect(read(tinyBytes.subarray(0, tinyBytes.length - 32))).rejects.toThrow(
      /cut short at byte \d+ of \d+: tensor "blk\.0\.attn_q\.weight" needs bytes \d+ to \d+/,
    );
  });

  it('refuses every file that is cut short', async () => {
    const dataEnd = Math.max(...[...(await read(tinyBytes)).tensors.values()].map((t) => t.byteOffset + t.byteCount));
    for (let byteCount = 0; byteCount < dataEnd; byteCount++) {
      await expect(read(tinyBytes.subarray(0, byteCount))).rejects.toMatchObject({ code: 'model_unusable' });
    }
  });

  it('reads a file with flipped bytes or refuses it in one line, and does nothing else', async () => {
    const flips = fc.array(fc.tuple(fc.nat(tinyBytes.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const bytes = tinyBytes.slice();
        for (const [offset, mask] of changes) bytes[offset]! ^= mask;
        try {
          const file = await read(bytes);
          for (const name of file.tensors.keys()) await file.readTensor(name);
        } catch (thrown) {
          if (!(thrown instanceof ServingError)) throw thrown;
          expect(thrown.code).toBe('model_unusable');
          expect(thrown.message).toMatch(/^[^\n]{20,500}$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('writeGguf', () => {
  it('reads back whatever was written', async () => {
    const text = fc.string({ unit: 'binary' });
    const values = fc.oneof(
      text,
      fc.boolean(),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.array(text, { minLength: 1 }),
      fc.float({ noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(text, values, { noNullPrototype: true }), async (entries) => {
        fc.pre(!Object.hasOwn(entries, 'general.alignment'));
        const { metadata } = await read(writeGguf({ metadata: entries, tensors: [] }));
        expect(metadata.keys()).toEqual(Object.keys(entries));
        for (const [key, value] of Object.entries(entries)) {
          if (typeof value === 'string') expect(metadata.string(key)).toBe(value);
          else if (typeof value === 'boolean') expect(metadata.boolean(key)).toBe(value);
          else if (typeof value === 'number') expect(metadata.number(key)).toBe(value + 0);
          else expect(metadata.strings(key)).toEqual(value);
        }
      }),
    );
  });
});

function read(bytes: Uint8Array): Promise<GgufFile> {
  return readGguf(memorySource(bytes, 'some/tiny.gguf'));
}

function ramp(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => index / 4 - 1);
}

function patched(offset: number, replacement: readonly number[]): Uint8Array {
  const bytes = tinyBytes.slice();
  bytes.set(replacement, offset);
  return bytes;
}

function retyped(key: string, type: number): Uint8Array {
  return patched(Buffer.from(tinyBytes).indexOf(key) + key.length, [type, 0, 0, 0]);
}

/** A file with one tensor whose type number was overwritten. */
function writeTensorType(type: number): Uint8Array {
  const name = 'only.weight';
  const bytes = writeGguf({ metadata: {}, tensors: [{ name, type: 'F32', shape: [256], data: ramp(256) }] });
  bytes[Buffer.from(bytes).indexOf(name) + name.length + 4 + 8] = type;
  return bytes;
}
