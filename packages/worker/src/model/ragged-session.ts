import type { DecodeRow, PrefillChunk, StepOutput, StepPlan } from '../engine/step-plan.js';
import { BoundInput } from './bound-input.js';
import { arenaNames, POSITIONS, SLOTS } from './compile/lane-names.js';
import type { LaneCache } from './lane-cache.js';
import type { PassSession } from './lane-executor.js';
import { PackedPass, type PassParts } from './packed-pass.js';

/**
 * The one graph with own kernels (compile/ragged-attention.ts), ready to run plans of any shape; whoever made the native
 * session disposes of it. The cache is bound once, and a pass writes nothing of it but the positions of its tokens, so that
 * it needs to know of no other sequence.
 */
export class RaggedSession implements PassSession {
  readonly #pass: PackedPass;
  readonly #slots: BoundInput<Int32Array>;
  readonly #positions: BoundInput<Int32Array>;

  constructor(parts: PassParts & { readonly cache: LaneCache }) {
    this.#pass = new PackedPass(parts);
    const { binding } = this.#pass;
    parts.cache.bindWhole(binding, arenaNames);
    this.#slots = new BoundInput(binding, SLOTS, new Int32Array(parts.stepTokensMax));
    this.#positions = new BoundInput(binding, POSITIONS, new Int32Array(parts.stepTokensMax));
  }

  /** @param plan with at least one token. */
  async forward(plan: StepPlan): Promise<StepOutput> {
    let tokens = 0;
    for (const decode of plan.decodes) tokens = this.#place(decode, tokens);
    for (const chunk of plan.chunks) tokens = this.#place(chunk, tokens);
    this.#slots.bind(tokens);
    this.#positions.bind(tokens);
    return this.#pass.run(plan);
  }

  /** @returns the packed token behind it. */
  #place({ slot, position, tokenIds }: DecodeRow | PrefillChunk, first: number): number {
    const end = first + tokenIds.length;
    this.#slots.array.fill(slot, first, end);
    for (let token = first; token < end; token++) this.#positions.array[token] = position + token - first;
    return end;
  }
}
