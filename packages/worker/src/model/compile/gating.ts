import type { GraphBuilder } from './graph-builder.js';
import { multiplied, type ScaledRows } from './rows.js';

/** SiLU(gate) × up by the runtime's operators. */
export function gatedRows(builder: GraphBuilder, gate: ScaledRows, up: ScaledRows, output: string): ScaledRows {
  // SiLU needs the gate itself; the scale of up waits until after the next layer.
  const scaled = multiplied(builder, gate, `${output}.gate`);
  // QuickGelu with alpha 1 is x * sigmoid(x), which is SiLU, in one pass.
  const activated = builder.node('QuickGelu', [scaled], `${output}.activated`, { alpha: { float: 1 } });
  return { value: builder.node('Mul', [activated, up.value], output), scale: up.scale };
}
