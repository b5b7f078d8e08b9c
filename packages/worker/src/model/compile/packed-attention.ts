import type { BuildContext } from '../architectures/architecture.js';
import type { GraphBuilder } from './graph-builder.js';
import { attentionLanes } from './lanes-graph.js';
import { raggedAttention } from './ragged-attention.js';
import type { ScaledRows } from './rows.js';

/** Attention of a hybrid batch: the tokens of all sequences of a pass packed, as linear layers see them. */
export interface PackedAttention {
  /** @param qkv [tokens, (heads + 2 * kvHeads) * headDim]; returns [tokens, heads * headDim]. */
  attend(layer: number, qkv: ScaledRows): string;
}

export function packedAttention(builder: GraphBuilder, context: BuildContext): PackedAttention {
  if (context.kernels === 'own') return raggedAttention(builder, context.config, context.kv.mode);
  return attentionLanes(builder, context.config, context, context.kv);
}
