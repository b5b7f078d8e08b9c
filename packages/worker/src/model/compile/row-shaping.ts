import type { BuildContext } from '../architectures/architecture.js';
import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import { type LayerRows, multiplied, quantizedRows, type ScaledRows } from './rows.js';

/** What stands between linear layers. */
export interface RowShaping {
  /**
   * norm(residual + addition) for linear layers to read, and the sum, which is the residual from then on.
   * @param weight [hidden]
   */
  norm(residual: string, addition: ScaledRows | undefined, weight: string, output: string): NormedRows;
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
  };
}
