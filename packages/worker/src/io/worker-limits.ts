import { ServingError } from '@sluice/shared';
import { PREFILL_TOKENS_MIN } from '../engine/engine.js';
import { blocksFor, TOKENS_PER_BLOCK } from '../engine/kv/token-ledger.js';
import { defaultPolicy, type PolicyName, wantsWholePrompts } from '../engine/scheduler/policies.js';
import type { DecoderConfig } from '../model/architectures/config.js';
import type { Kernels } from '../model/compile/kernels.js';
import type { KvMode } from '../model/compile/kv-format.js';
import { kvBytesPerToken } from '../model/compile/kv-layout.js';

/** Where nobody says how long a sequence may be: enough for most chats, and half of what small models were made for. */
const CONTEXT_DEFAULT = 4096;
const SLOTS_DEFAULT = 64;
const SLOTS_MAX = 1024;
/** Chunks of this size cost a CPU no more per token than longer ones, and keep the gaps between tokens short. */
const CHUNK_TOKENS = 64;
/**
 * What a pass can take of prompts where time decides how much it does: a fifth less a token than in passes of 256, on a
 * processor with AMX; longer ones hold up who comes meanwhile.
 */
const LONG_PROMPT_TOKENS = 1024;
/** Share of the machine's free memory that keys and values may take. */
const MEMORY_SHARE = 0.5;
/** Share of what keys and values may take that copies of preempted sequences may take on top. */
const SWAP_SHARE = 0.25;
const BYTES_PER_MB = 1_000_000;

export interface SizeWishes {
  readonly context?: number;
  readonly slots?: number;
  readonly tokenBudget?: number;
  readonly kvTokens?: number;
  /** For copies of sequences that lost their slots, in MB of 1,000,000 bytes; 0: none. */
  readonly swapMb?: number;
  readonly scheduler?: PolicyName;
  /** How keys and values are kept; in 32-bit floats unless said otherwise. */
  readonly kv?: KvMode;
  /** Whose operators read them; the runtime's unless said otherwise. */
  readonly kernels?: Kernels;
}

export interface WorkerSizes {
  readonly contextTokens: number;
  readonly slots: number;
  /** Tokens of one step, for policies that have a fixed budget. */
  readonly tokenBudget: number;
  /** Tokens that a pass can take, whatever the policy. */
  readonly stepTokensMax: number;
  /** Tokens that all slots together may hold. */
  readonly kvTokensMax: number;
  /** What copies of sequences that lost their slots may take. */
  readonly swapBytesMax: number;
}

/**
 * What a worker offers, from what its operator asked for and what model and machine can.
 * @param memoryFreeBytes of the machine, or this worker's part of it.
 * @throws ServingError 'model_unusable' naming the setting, its value and its bound.
 */
export function workerSizes(wishes: SizeWishes, config: DecoderConfig, memoryFreeBytes: number): WorkerSizes {
  const contextTokens = within(
    'context',
    wishes.context ?? Math.min(config.contextTokens, CONTEXT_DEFAULT),
    2,
    config.contextTokens,
  );
  const slots = within('slots', wishes.slots ?? SLOTS_DEFAULT, 1, SLOTS_MAX);
  const budgetMin = slots + PREFILL_TOKENS_MIN;
  const tokenBudget = within('token-budget', wishes.tokenBudget ?? slots + CHUNK_TOKENS, budgetMin, 65_536);
  // Memory is counted in blocks, of which the last of a sequence may be half used.
  const sequenceTokens = blocksFor(contextTokens) * TOKENS_PER_BLOCK;
  const tokenBytes = kvBytesPerToken(config, wishes.kv ?? 'f32', wishes.kernels ?? 'runtime');
  const affordable = Math.floor((memoryFreeBytes * MEMORY_SHARE) / tokenBytes);
  if (wishes.kvTokens === undefined && affordable < sequenceTokens)
    throw tooLittleMemory(contextTokens, affordable, memoryFreeBytes);
  const kvTokensMax = within(
    'kv-tokens',
    wishes.kvTokens ?? Math.min(slots * sequenceTokens, affordable),
    sequenceTokens,
    slots * sequenceTokens,
  );
  return {
    contextTokens,
    slots,
    tokenBudget,
    stepTokensMax: Math.max(
      tokenBudget,
      slots + promptTokensMax(wishes.scheduler ?? defaultPolicy, tokenBudget - slots, contextTokens, slots),
    ),
    kvTokensMax,
    swapBytesMax: swapBytesMax(wishes.swapMb, kvTokensMax * tokenBytes, memoryFreeBytes),
  };
}

function swapBytesMax(swapMb: number | undefined, kvBytes: number, memoryFreeBytes: number): number {
  if (swapMb === undefined) return Math.floor(kvBytes * SWAP_SHARE);
  const most = Math.max(0, Math.floor((memoryFreeBytes - kvBytes) / BYTES_PER_MB));
  if (swapMb <= most) return swapMb * BYTES_PER_MB;
  throw new ServingError(
    'model_unusable',
    `swap-mb ${swapMb} must be at most ${most} for the free memory of this machine beside keys and values`,
    { field: 'swap-mb' },
  );
}

/** Prompt tokens of one pass, of several prompts where policies do not want them whole. */
function promptTokensMax(scheduler: PolicyName, budgeted: number, contextTokens: number, slots: number): number {
  if (wantsWholePrompts(scheduler)) return contextTokens;
  return scheduler === 'slo' ? Math.min(LONG_PROMPT_TOKENS, slots * contextTokens) : budgeted;
}

function tooLittleMemory(contextTokens: number, affordable: number, memoryFreeBytes: number): ServingError {
  const most = Math.floor(affordable / TOKENS_PER_BLOCK) * TOKENS_PER_BLOCK;
  return new ServingError(
    'model_unusable',
    `context ${contextTokens} must be at most ${most} for the free memory of this machine ` +
      `(${Math.floor(memoryFreeBytes / 1e6)} MB, half of it for keys and values)`,
    { field: 'context' },
  );
}

function within(name: string, value: number, least: number, most: number): number {
  const isWhole = Number.isInteger(value);
  if (isWhole && value >= least && value <= most) return value;
  const bound = !isWhole ? 'a whole number' : value < least ? `at least ${least}` : `at most ${most}`;
  throw new ServingError('model_unusable', `${name} ${value} must be ${bound} for this model`, { field: name });
}
