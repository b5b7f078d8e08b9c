import { describe, expect, it } from 'vitest';
import { architectureOf } from '../architectures/architecture.js';
import { memorySource } from '../gguf/byte-source.js';
import { readGguf } from '../gguf/gguf-file.js';
import { tinyModel } from '../tiny-model.js';
import { GraphBuilder } from './graph-builder.js';
import { basisOf } from './hidden-basis.js';
import type { Kernels } from './kernels.js';
import { KvFormat } from './kv-format.js';
import { LinearLayers, type WeightMode } from './linear.js';
import type { OnnxGraph } from './onnx.js';
import { ZERO_POINT } from './rows.js';
import { toPanels, zeroPointSums } from './weight-panels.js';
import { WeightTable } from './weight-table.js';

const { gguf, config } = tinyModel(3);

describe('Architecture.buildBlocks with own kernels', () => {
  it('writes nine operators a layer in w8a8, all ours', async () => {
    const { nodes } = await blocks('w8a8', 'own');
    for (let layer = 0; layer < config.layers; layer++) {
      const ops = nodes.filter(({ outputs }) => outputs[0]!.startsWith(`layer${layer}.`));
      expect(ops.map(({ domain, op }) => (domain === 'sluice' ? `own ${op}` : op))).toEqual([
        'own NormQuantize',
        'own Linear',
        'own Attention',
        'own QuantizeRows',
        'own Linear',
        'own NormQuantize',
        'own LinearGate',
        'own QuantizeRows',
        'own Linear',
        // The last norm is not ours.
        ...(layer === config.layers - 1 ? ['Mul'] : []),
      ]);
    }
  });

  it.each<WeightMode>(['q8', 'q4', 'f32'])('writes attention and rows of blocks alone as ours in %s', async (mode) => {
    const { nodes } = await blocks(mode, 'own');
    expect(nodes.filter(({ domain }) => domain === 'sluice').map(({ op }) => op)).toEqual([
      ...(mode === 'f32' ? [] : ['LookUp']),
      'Attention',
      'Attention',
    ]);
    expect(nodes.filter(({ op }) => ['Slice', 'Concat', 'GroupQueryAttention'].includes(op))).toEqual([]);
  });

  it('reads slots, positions and the whole cache of each layer, and gives nothing of it out', async () => {
    const { inputs, outputs } = await blocks('q8', 'own');
    expect(inputs.map(({ name, type, shape }) => `${name} ${type} [${shape.join(', ')}]`)).toEqual([
      'slots int32 [tokens]',
      'positions int32 [tokens]',
      'cos float32 [positions, 8]',
      'sin float32 [positions, 8]',
      'ids int64 [tokens]',
      'key_0 float32 [slots_of_all, 2, positions_per_slot, 16]',
      'value_0 float32 [slots_of_all, 2, positions_per_slot, 16]',
      'key_1 float32 [slots_of_all, 2, positions_per_slot, 16]',
      'value_1 float32 [slots_of_all, 2, positions_per_slot, 16]',
    ]);
    expect(outputs).toEqual([]);
  });

  it('computes only kept tokens behind the last attention', async () => {
    const { nodes } = await blocks('w8a8', 'own', undefined, 'kept');
    const last = nodes.filter(({ outputs }) => outputs[0]!.startsWith(`layer${config.layers - 1}.`));
    const attention = last.findIndex(({ op }) => op === 'Attention');
    expect(last.slice(attention + 1, attention + 3).map(({ op, inputs }) => [op, inputs])).toEqual([
      ['Gather', [last[attention]!.outputs[0], 'kept']],
      ['Gather', [expect.stringMatching(/residual$/), 'kept']],
    ]);
    expect(nodes.filter(({ op }) => op === 'Gather')).toHaveLength(2);
  });

  it.each<WeightMode>(['q8', 'q4', 'f32'])('reads the very weights that the other kernels read in %s', async (mode) => {
    expect(weightsOf(await blocks(mode, 'own'))).toEqual(weightsOf(await blocks(mode, 'runtime')));
  });

  it('reads the same integers in w8a8, in panels, and what their zero point adds', async () => {
    const [tableOfOwn, table] = [new WeightTable('own.bin'), new WeightTable('weights.bin')];
    await blocks('w8a8', 'own', tableOfOwn);
    await blocks('w8a8', 'runtime', table);
    const [own, runtime] = [await valuesOf(tableOfOwn), await valuesOf(table)];
    const layers = [...runtime.keys()].filter((name) => name.endsWith('.int8'));
    expect(layers).toHaveLength(5 * config.layers);
    for (const name of layers) {
      const { bytes, shape } = runtime.get(name)!;
      const [inputs = 0, outputs = 0] = shape;
      const quants = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      const layer = name.slice(0, -'.int8'.length);
      expect(new Int8Array(own.get(`${layer}.panels`)!.bytes), name).toEqual(toPanels(quants, inputs, outputs));
      const sums = new Uint8Array(zeroPointSums(quants, outputs, ZERO_POINT).buffer);
      expect(own.get(`${layer}.offsets`)!.bytes, name).toEqual(sums);
      expect(own.get(`${layer}.channel_scale`), name).toEqual(runtime.get(`${layer}.channel_scale`));
    }
  });
});

async function valuesOf(table: WeightTable) {
  const values = new Map<string, { readonly bytes: Uint8Array; readonly shape: readonly number[] }>();
  await table.write(async (bytes, { name, shape }) => {
    values.set(name, { bytes: bytes.slice(), shape });
  });
  return values;
}

/** Names, shapes and places of what lies in the data file. */
function weightsOf({ initializers }: OnnxGraph) {
  return initializers.filter(({ data }) => !(data instanceof Uint8Array));
}

async function blocks(
  mode: WeightMode,
  kernels: Kernels,
  weights = new WeightTable('weights.bin'),
  kept?: string,
): Promise<OnnxGraph> {
  const file = await readGguf(memorySource(gguf));
  const builder = new GraphBuilder('blocks', weights);
  const calibration = { moments: new Map(), keyValues: [] };
  architectureOf(file).buildBlocks(builder, {
    file,
    config,
    linear: new LinearLayers(mode, { calibration, kernels }),
    basis: basisOf(mode, config),
    kv: new KvFormat('f32'),
    kernels,
    chunks: 1,
    decodeTokens: 1,
    ...(kept === undefined ? {} : { kept }),
  });
  return builder.graph();
}
