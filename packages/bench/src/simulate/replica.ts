import { assert, type Clock, createLog, type LoadState } from '@sluice/shared';
import {
  createPolicy,
  type Decision,
  Engine,
  greedySampling,
  type ModelPort,
  type Policy,
  type PolicyName,
  type QueueView,
  type SequenceEvent,
  type SequenceView,
  wantsWholePrompts,
} from '@sluice/worker';
import { DELAY_MS_MAX, type Tally } from './tally.js';
import type { Arrival } from './trace.js';

export interface ReplicaSettings {
  readonly policy: PolicyName;
  /** Tokens of a step, for policies with a fixed budget. */
  readonly tokenBudget: number;
  /** Tokens of keys and values that its memory holds. */
  readonly kvTokensMax: number;
  /** The objective between two tokens. */
  readonly tbtMs: number;
}

export interface ReplicaParts {
  readonly model: ModelPort;
  readonly clock: Clock;
  readonly tally: Tally;
  /** Called with what a step gave, after the tally. */
  readonly onEvents?: (events: readonly SequenceEvent[]) => void;
}

const log = createLog('simulate');
log.level = 'silent';

const noStops: ReadonlySet<number> = new Set();
const WAITING_MAX = 1_000_000;
const TTFT_MS = 5_000;
/** As a worker's: copies of preempted sequences take a quarter of what keys and values do on top. */
const SWAP_SHARE = 0.25;

/** The worker's own engine over a model, be it one that only takes time; its times go into a tally. */
export class Replica {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #tally: Tally;
  /** When each request came or got its last token, and whether it had one. */
  readonly #live = new Map<string, { lastMs: number; hasToken: boolean; readonly objective: number }>();

  constructor(
    { policy, tokenBudget, kvTokensMax, tbtMs }: ReplicaSettings,
    { model, clock, tally, onEvents }: ReplicaParts,
  ) {
    this.#clock = clock;
    this.#tally = tally;
    this.#engine = new Engine(
      {
        tokenBudget: wantsWholePrompts(policy) ? model.limits.stepTokensMax : tokenBudget,
        kvTokensMax,
        swapBytesMax: SWAP_SHARE * model.copyBytes(kvTokensMax),
        waitingMax: WAITING_MAX,
        // No two prompts of a trace begin alike.
        prefixCache: false,
        objectives: { ttftMs: TTFT_MS, tbtMs },
      },
      {
        model,
        policy: timed(createPolicy(policy), tally),
        clock,
        log,
        listener: (events) => {
          const nowMs = clock.nowMs();
          for (const event of events) {
            assert(event.kind !== 'failed', 'no pass of a simulated machine fails');
            const request = this.#live.get(event.id);
            if (event.kind === 'finished' || request === undefined) {
              this.#live.delete(event.id);
              continue;
            }
            if (request.hasToken) tally.addGap(nowMs - request.lastMs, request.objective);
            else tally.addFirst(nowMs - request.lastMs);
            request.lastMs = nowMs;
            request.hasToken = true;
          }
          onEvents?.(events);
        },
      },
    );
  }

  get load(): LoadState {
    return this.#engine.load();
  }

  get liveCount(): number {
    return this.#live.size;
  }

  /** Ends everything that is live, and then the engine; the model stays open. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  submit(id: number, { promptTokens, outputTokens, tbtMs }: Arrival): void {
    const promptIds = new Array<number>(promptTokens).fill(0);
    const refusal = this.#engine.submit({
      id: `${id}`,
      promptIds,
      tokensMax: outputTokens,
      sampling: greedySampling,
      stopTokenIds: noStops,
      logprobsTop: undefined,
      ...(tbtMs === undefined ? {} : { terms: { priority: 'normal', ttftMs: undefined, tbtMs, client: '' } as const }),
    });
    if (refusal !== undefined) throw refusal;
    this.#live.set(`${id}`, {
      lastMs: this.#clock.nowMs(),
      hasToken: false,
      objective: this.#tally.objectiveOf(tbtMs),
    });
  }
}

/** The same policy; what it lets begin is counted, and what it lets wait too long. */
function timed(policy: Policy, tally: Tally): Policy {
  const begun = new WeakSet<SequenceView>();
  const overdue = new WeakSet<SequenceView>();
  const decide = <S extends SequenceView>(queue: QueueView<S>): Decision<S> => {
    const decision = policy.decide(queue);
    for (const { sequence } of decision.chunks) {
      if (begun.has(sequence)) continue;
      begun.add(sequence);
      tally.addDelay(queue.nowMs - sequence.arrivalMs, overdue.has(sequence));
    }
    for (const sequence of queue.waiting) {
      if (queue.nowMs - sequence.arrivalMs <= DELAY_MS_MAX || begun.has(sequence) || overdue.has(sequence)) continue;
      overdue.add(sequence);
      tally.addOverdue();
    }
    return decision;
  };
  return { decide, observe: (step) => policy.observe(step) };
}
