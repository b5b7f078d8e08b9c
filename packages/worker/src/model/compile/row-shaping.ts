import { assert } from '@sluice/shared';
import type { BuildContext } from '../architectures/architecture.js';
import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import { MIXED_RUN } from './neighbour-mixing.js';
import { type LayerRows, multiplied, quantizedRows, type ScaledRows } from './rows.js';

/** What stands between linear layers. */
export interface RowShaping {
  /**
   * norm(residual + addition) for linear layers to read, and the sum, which is the residual from then on.
   * @param weight [hidden]
   */
  norm(residual: string, addition: ScaledRows | undefined, weight: string, output: string): NormedRows;

  /** SiLU(gate) × up for {@link LinearLayers.applyUneven} to read. @param name of a value here in the layer. */
  gate(gate: ScaledRows, up: ScaledRows, name: (what: string) => string): LayerRows;
}

export interface NormedRows {
  readonly rows: LayerRows;
  readonly residual: string;
}

/** What shapes depend on. */
export interface ShapingContext extends Pick<BuildContext, 'kernels' | 'linear'> {
  readonly config: Pick<DecoderConfig, 'normEpsilon'>;
}

/** Own kernels give integers where linear layers read integers; blocks and floats read what the runtime's operators give. */
export function rowShaping(builder: GraphBuilder, { config, kernels, linear }: ShapingContext): RowShaping {
  const isFused = kernels === 'own' && linear.mode === 'w8a8';
  return isFused ? quantizedShaping(builder, config.normEpsilon) : floatShaping(builder, config.normEpsilon);
}

/** By the runtime's operators: rows of floats, which a layer in integers quantizes by itself. */
export function floatShaping(builder: GraphBuilder, normEpsilon: number) {
  const epsilon = { float: normEpsilon };
  return {
    norm(residual, addition, weight, output) {
      if (addition === undefined) {
        const attributes = { axis: { int: -1 }, epsilon };
        const value = builder.node('SimplifiedLayerNormalization', [residual, weight], output, attributes);
        return { rows: { value, scale: undefined }, residual };
      }
      const sum = `${output}.residual`;
      const inputs = [multiplied(builder, addition), residual, weight];
      builder.nodeWithOutputs('SkipSimplifiedLayerNormalization', inputs, [output, '', '', sum], { epsilon });
      return { rows: { value: output, scale: undefined }, residual: sum };
    },
    gate(gate, up, name) {
      // SiLU needs the gate itself; the scale of up waits until after the next layer.
      const scaled = multiplied(builder, gate, name('gate_scaled'));
      // QuickGelu with alpha 1 is x * sigmoid(x), which is SiLU, in one pass.
      const activated = builder.node('QuickGelu', [scaled], name('activated'), { alpha: { float: 1 } });
      return { value: builder.node('Mul', [activated, up.value], name('gated')), scale: up.scale };
    },
  } satisfies RowShaping;
}

/** By operators of our own, which read and write each row once: rows of integers with their scales. */
function quantizedShaping(builder: GraphBuilder, normEpsilon: number): RowShaping {
  return {
    norm(residual, addition, weight, output) {
      const sum = `${output}.residual`;
      const rows = quantizedRows(output);
      const inputs = [residual, addition?.value ?? '', addition?.scale ?? '', weight];
      builder.nodeWithOutputs('NormQuantize', inputs, [rows.quants, rows.scale, sum], {
        epsilon: { float: normEpsilon },
      });
      return { rows, residual: sum };
    },
    gate(gate, up, name) {
      assert(gate.scale !== undefined && up.scale !== undefined, 'layers in integers leave the scale of rows to us');
      const rows = quantizedRows(name('gated'));
      const inputs = [gate.value, gate.scale, up.value, up.scale];
      builder.nodeWithOutputs('GateQuantize', inputs, [rows.quants, rows.scale], { mix: { int: MIXED_RUN } });
      return rows;
    },
  };
}
