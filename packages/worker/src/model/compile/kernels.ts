import type { KvMode } from './kv-format.js';

/** Whose operators compute attention and what stands between linear layers: the runtime's, or those of native/. */
export type Kernels = 'own' | 'runtime';

/** Own ones keep keys and values in 32-bit floats only: graphs of others are written for the runtime's, whatever the wish. */
export function kernelsFor(wish: Kernels, kv: KvMode): Kernels {
  return kv === 'f32' ? wish : 'runtime';
}

/** Prompts of which one pass with own kernels computes a slice: each costs what its tokens do, so what bounds them is tokens. */
export const OWN_CHUNKS_MAX = 8;
