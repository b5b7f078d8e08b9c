import type { LoadState } from '@sluice/shared';
import { type Clock, createLog } from '@sluice/shared';
import {
  createPolicy,
  type Decision,
  Engine,
  greedySampling,
  type Policy,
  type PolicyName,
  type QueueView,
  type SequenceView,
  wantsWholePrompts,
} from '@sluice/worker';
import { CostedModel } from './costed-model.js';
import type { Machine } from './machine.js';
import type { Tally } from './tally.js';
import type { Arrival } from './trace.js';

export interface ReplicaSettings {
  readonly machine: Machine;
  readonly policy: PolicyName;
  /** Tokens of a step, for policies with a fixed budget. */
  readonly tokenBudget: number;
  /** The objective between two tokens. */
  readonly tbtMs: number;
}

const log = createLog('simulate');
log.level = 'silent';

const WAITING_MAX = 1_000_000;
const TTFT_MS = 5_000;

/** The worker's own engine over a machine that only takes time. */
export class Replica {
  readonly #engine: Engine;
  readonly #clock: Clock;
  /** When each request came or got its last token, and whether it had one. */
  readonly #live = new Map<string, { lastMs: number; hasToken: boolean }>();
  #load: LoadState;
  #sentRequests = 0;
  #sentTokens = 0;

  /** @param reportsLoad keeps {@link view} up to date, which costs time. */
  constructor(
    { machine, policy, tokenBudget, tbtMs }: ReplicaSettings,
    clock: Clock,
    tally: Tally,
    reportsLoad: boolean,
  ) {
    this.#clock = clock;
    const stepTokensMax = machine.slotsMax + machine.contextTokens;
    this.#engine = new Engine(
      {
        tokenBudget: wantsWholePrompts(policy) ? stepTokensMax : tokenBudget,
        kvTokensMax: machine.kvTokensMax,
        waitingMax: WAITING_MAX,
        // No two prompts of a trace begin alike.
        prefixCache: false,
        objectives: { ttftMs: TTFT_MS, tbtMs },
      },
      {
        model: new CostedModel(machine, stepTokensMax, clock),
        policy: timed(createPolicy(policy), tally),
        clock,
        log,
        listener: (events) => {
          const nowMs = clock.nowMs();
          for (const event of events) {
            if (event.kind === 'failed') throw event.error;
            const request = this.#live.get(event.id);
            if (event.kind === 'finished' || request === undefined) {
              this.#live.delete(event.id);
              continue;
            }
            if (request.hasToken) tally.addGap(nowMs - request.lastMs);
            else tally.addFirst(nowMs - request.lastMs);
            request.lastMs = nowMs;
            request.hasToken = true;
          }
          if (reportsLoad) this.#report();
        },
      },
    );
    this.#load = this.#engine.load();
  }

  /** What the gateway knows: pushed with the tokens of a step, and what it sent since. */
  get view(): { readonly load: LoadState; readonly unreportedRequests: number; readonly unreportedTokens: number } {
    return { load: this.#load, unreportedRequests: this.#sentRequests, unreportedTokens: this.#sentTokens };
  }

  get liveCount(): number {
    return this.#live.size;
  }

  submit(id: number, { promptTokens, outputTokens }: Arrival): void {
    const promptIds = new Array<number>(promptTokens).fill(0);
    const refusal = this.#engine.submit({
      id: `${id}`,
      promptIds,
      tokensMax: outputTokens,
      sampling: greedySampling,
      stopTokenIds: new Set(),
      logprobsTop: undefined,
    });
    if (refusal !== undefined) throw refusal;
    this.#live.set(`${id}`, { lastMs: this.#clock.nowMs(), hasToken: false });
    this.#sentRequests += 1;
    this.#sentTokens += promptTokens;
  }

  #report(): void {
    this.#load = this.#engine.load();
    this.#sentRequests = 0;
    this.#sentTokens = 0;
  }
}

/** The same policy; what it lets begin is counted. */
function timed(policy: Policy, tally: Tally): Policy {
  const begun = new WeakSet<SequenceView>();
  const decide = <S extends SequenceView>(queue: QueueView<S>): Decision<S> => {
    const decision = policy.decide(queue);
    for (const { sequence } of decision.chunks) {
      if (begun.has(sequence)) continue;
      begun.add(sequence);
      tally.addDelay(queue.nowMs - sequence.arrivalMs);
    }
    return decision;
  };
  return { decide, observe: (step) => policy.observe(step) };
}
