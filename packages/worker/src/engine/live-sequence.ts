import { ServingError } from '@sluice/shared';
import type { SlotHolder } from './kv/slot-memory.js';
import type { CopiedTokens } from './model-port.js';
import { PromptReport } from './prompt-report.js';
import { LogitAdjustments } from './sampling/logit-adjustments.js';
import { wantFor } from './sampling/sampler.js';
import type { SequenceView } from './scheduler/policy.js';
import { defaultObjectives, defaultTerms, type Objectives, type Priority, type SequenceRequest } from './sequence.js';
import type { Drafter } from './speculation/drafter.js';
import type { LogitsWant } from './step-plan.js';
import { TokenTimes } from './token-times.js';

/**
 * A sequence inside the engine. One that was begun elsewhere starts as a preempted one does: with tokens that it has
 * generated and nothing computed.
 *
 *   waiting ──admitted──▶ running ──stop, length, cancel, failure──▶ gone
 *      ▲                     │
 *      └─────preempted───────┘   slot and memory are given back, tokens are kept, keys and values copied or not
 */
export class LiveSequence implements SequenceView, SlotHolder {
  readonly request: SequenceRequest;
  /** Its prompt, and what {@link beginAnew} adds to it. */
  promptTokens: number;
  /** Most tokens of prompt and output. */
  readonly tokensMax: number;
  /** Prompt and generated. */
  readonly tokenIds: number[];
  readonly want: LogitsWant;
  readonly adjustments: LogitAdjustments | undefined;
  readonly arrivalMs: number;
  readonly priority: Priority;
  readonly objectives: Objectives;
  readonly client: string;
  readonly times: TokenTimes;
  /** Undefined: nobody asks about its prompt. */
  readonly promptReport: PromptReport | undefined;
  readonly chunkTokensMax: number;
  computed = 0;
  copyTokens = 0;
  blocks = 0;
  /** Undefined while it waits. */
  slot: number | undefined;
  cachedTokens: number | undefined;
  copied: CopiedTokens | undefined;
  cancelled = false;
  /** Whether a pass that is under way computes something of it. */
  isInPass = false;
  /** Guesses how it goes on; undefined: nobody does. */
  drafter: Drafter | undefined;
  readonly #chunksRoundAsDecodes: boolean;

  /**
   * @param scoredTokensMax tokens of a chunk each of which has a wanted row.
   * @param chunksRoundAsDecodes as the model says.
   */
  constructor(
    request: SequenceRequest,
    contextTokens: number,
    arrivalMs = 0,
    objectives = defaultObjectives,
    scoredTokensMax = Number.POSITIVE_INFINITY,
    chunksRoundAsDecodes = false,
  ) {
    const { promptIds, generatedIds = [], sampling, terms = defaultTerms, tokensMin = 0, promptWish } = request;
    this.request = request;
    this.#chunksRoundAsDecodes = chunksRoundAsDecodes;
    this.promptTokens = promptIds.length;
    this.tokensMax = Math.min(contextTokens, promptIds.length + request.tokensMax);
    this.tokenIds = [...promptIds, ...generatedIds];
    this.promptReport = promptWish && new PromptReport(promptWish, promptIds.length);
    this.chunkTokensMax = this.promptReport?.wantsRows === true ? scoredTokensMax : Number.POSITIVE_INFINITY;
    const held = tokensMin > 0 ? { tokenIds: request.stopTokenIds, tokensMin } : undefined;
    this.want = wantFor(sampling, request.logprobsTop ?? (this.promptReport?.wantsRows ? 0 : undefined), held);
    this.adjustments =
      held !== undefined || LogitAdjustments.any(sampling)
        ? new LogitAdjustments(sampling, promptIds, held)
        : undefined;
    this.arrivalMs = arrivalMs;
    this.priority = terms.priority;
    this.objectives = { ttftMs: terms.ttftMs ?? objectives.ttftMs, tbtMs: terms.tbtMs ?? objectives.tbtMs };
    this.client = terms.client;
    this.times = new TokenTimes(arrivalMs, this.objectives);
    for (const tokenId of generatedIds) this.adjustments?.addGenerated(tokenId);
    if (generatedIds.length > 0) this.times.resume();
    this.beginAnew();
  }

  /**
   * Nothing of it is computed, so what it has generated is as good as prompt where the model's chunks round as its decodes.
   * Not while somebody waits to be told of its prompt, which ends with the prompt's last slice.
   */
  beginAnew(): void {
    if (this.#chunksRoundAsDecodes && this.promptReport?.isWhole !== false) this.promptTokens = this.tokens;
  }

  get tokens(): number {
    return this.tokenIds.length;
  }

  /**
   * Up to `most` tokens that are bound to come next, whatever the model says. None where the guide fails: that ends the
   * sequence where its next token is taken, and must not end a pass of others.
   */
  forcedTokens(most: number): readonly number[] {
    try {
      return this.request.guide?.forced().slice(0, most) ?? [];
    } catch (failure) {
      if (failure instanceof ServingError) return [];
      throw failure;
    }
  }

  get lastTokenMs(): number | undefined {
    return this.times.lastMs;
  }

  get generated(): number {
    return this.tokenIds.length - this.request.promptIds.length;
  }

  /** Whether it ends once its prompt is computed. */
  get endsWithPrompt(): boolean {
    return this.tokensMax === this.request.promptIds.length;
  }

  get reusableTokens(): number {
    return this.promptReport?.reusableTokens ?? this.promptTokens;
  }

  get prefillableTokens(): number {
    return this.#chunksRoundAsDecodes ? this.tokens : this.promptTokens;
  }

  /** Tokens of the prompt that its caller brought, which were found in the cache. */
  get cachedPromptTokens(): number {
    return Math.min(this.cachedTokens ?? 0, this.request.promptIds.length);
  }

  /** Rows wanted at the end of a slice of its prompt that begins where it stands. */
  wantTokens(end: number): number {
    const decides = end === this.tokens && !this.endsWithPrompt;
    return Math.max(decides ? 1 : 0, this.promptReport?.wantTokens(this.computed, end) ?? 0);
  }

  /** Prompt tokens not yet in the slot. */
  get prefillTokens(): number {
    return Math.max(0, this.promptTokens - this.computed);
  }
}
