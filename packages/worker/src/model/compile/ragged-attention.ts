import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import type { KvMode } from './kv-format.js';
import { kvLayout } from './kv-layout.js';
import { arenaNames, POSITIONS, SLOTS } from './lane-names.js';
import type { PackedAttention } from './packed-attention.js';

/**
 * Attention of a hybrid batch by the operator of our own: each token comes with its slot and its position in it, so that
 * chunks and decodes of any number are one node over the packed tokens, and what a token gets does not depend on who else
 * is in the pass. Keys and values of all slots are inputs, into which the operator writes: graphs have no lanes, and nothing
 * of the cache comes out.
 */
export function raggedAttention(builder: GraphBuilder, config: DecoderConfig, kv: KvMode): PackedAttention {
  const { heads, kvHeads, headDim, rope, slidingWindowTokens } = config;
  const { type, positionLength } = kvLayout(kv, 'own', config);
  builder.input(SLOTS, 'int32', ['tokens']);
  builder.input(POSITIONS, 'int32', ['tokens']);
  const tables = ['cos', 'sin'].map((name) => builder.input(name, 'float32', ['positions', headDim / 2]));
  return {
    attend(layer, { value, scale }) {
      const arena = ['slots_of_all', kvHeads, 'positions_per_slot', positionLength];
      const keys = builder.input(arenaNames.key(layer), type, arena);
      const values = builder.input(arenaNames.value(layer), type, arena);
      const inputs = [value, scale ?? '', keys, values, SLOTS, POSITIONS, ...tables];
      return builder.node('Attention', inputs, `${value}.attention`, {
        heads: { int: heads },
        kv_heads: { int: kvHeads },
        interleaved: { int: rope.interleaved ? 1 : 0 },
        window: { int: slidingWindowTokens ?? 0 },
      });
    },
  };
}
