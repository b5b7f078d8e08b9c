import { LogitAdjustments } from './sampling/logit-adjustments.js';
import { wantFor } from './sampling/sampler.js';
import type { SequenceView } from './scheduler/policy.js';
import type { SequenceRequest } from './sequence.js';
import type { LogitsWant } from './step-plan.js';

/**
 * A sequence inside the engine.
 *
 *   waiting ──admitted──▶ running ──stop, length, cancel, failure──▶ gone
 *      ▲                     │
 *      └─────preempted───────┘   slot and memory are given back, tokens are kept
 */
export class LiveSequence implements SequenceView {
  readonly request: SequenceRequest;
  readonly promptTokens: number;
  /** Most tokens of prompt and output. */
  readonly tokensMax: number;
  /** Prompt and generated. */
  readonly tokenIds: number[];
  readonly want: LogitsWant;
  readonly adjustments: LogitAdjustments | undefined;
  computed = 0;
  blocks = 0;
  /** Undefined while it waits. */
  slot: number | undefined;
  cancelled = false;

  constructor(request: SequenceRequest, contextTokens: number) {
    const { promptIds, sampling } = request;
    this.request = request;
    this.promptTokens = promptIds.length;
    this.tokensMax = Math.min(contextTokens, promptIds.length + request.tokensMax);
    this.tokenIds = [...promptIds];
    this.want = wantFor(sampling, request.logprobsTop);
    this.adjustments = LogitAdjustments.any(sampling) ? new LogitAdjustments(sampling, promptIds) : undefined;
  }

  get tokens(): number {
    return this.tokenIds.length;
  }

  get generated(): number {
    return this.tokenIds.length - this.promptTokens;
  }

  /** Prompt tokens not yet in the slot. */
  get prefillTokens(): number {
    return Math.max(0, this.promptTokens - this.computed);
  }
}
