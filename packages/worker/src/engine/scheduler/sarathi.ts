import { blocksFor } from '../kv/token-ledger.js';
import { type ChunkDecision, chunkTokens, type Decision, type QueueView, type SequenceView } from './policy.js';

/** Share of the memory kept free when a new sequence is let in, so that running ones can grow. */
const WATERMARK = 0.01;

/**
 * Stall-free batching (Agrawal et al., Sarathi-Serve, OSDI 2024, algorithm 3): every running decode first, then prompts
 * that are under way, then new ones, first come first served, under one token budget.
 *
 * Differs in what a full decode batch does: the paper's code subtracts decodes from the budget and goes on when that is
 * negative; here it is 0 and prefill waits. Memory for a whole prompt is taken when it is let in, so chunks never fail;
 * decodes take a block when they grow into it, and where none is free the youngest running sequence is preempted.
 */
export function sarathi<S extends SequenceView>(queue: QueueView<S>): Decision<S> {
  let { blocksFree } = queue;
  const preempted: S[] = [];
  const decodes: S[] = [];

  const kept = [...queue.running];
  for (let index = 0; index < kept.length; index++) {
    const sequence = kept[index]!;
    if (sequence.computed < sequence.promptTokens) continue;
    const missing = Math.max(0, blocksFor(sequence.computed + 1) - sequence.blocks);
    while (missing > blocksFree && kept.length > index) {
      const victim = kept.pop()!;
      preempted.unshift(victim);
      blocksFree += victim.blocks;
    }
    if (kept.length === index) break;
    blocksFree -= missing;
    decodes.push(sequence);
  }

  let budget = Math.max(0, queue.limits.tokenBudget - decodes.length);
  const chunks: ChunkDecision<S>[] = [];
  const add = (sequence: S): boolean => {
    if (chunks.length === queue.limits.chunksMax) return false;
    const tokens = chunkTokens(sequence.promptTokens - sequence.computed, budget, queue.limits.chunkBlockTokens);
    if (tokens === 0) return false;
    chunks.push({ sequence, tokens });
    budget -= tokens;
    return true;
  };
  const served = kept.every((sequence) => sequence.computed >= sequence.promptTokens || add(sequence));

  // Nothing new comes in before those under way have their share, nor while somebody had to go: it would only take the
  // memory that was just freed.
  if (!served || preempted.length > 0) return { decodes, chunks, preempted };
  let { slotsFree } = queue;
  const watermark = queue.running.length === 0 ? 0 : Math.floor(queue.blocksMax * WATERMARK);
  for (const sequence of queue.waiting) {
    const needed = blocksFor(sequence.tokens);
    if (slotsFree === 0 || blocksFree - needed < watermark || !add(sequence)) break;
    slotsFree -= 1;
    blocksFree -= needed;
  }
  return { decodes, chunks, preempted };
}
