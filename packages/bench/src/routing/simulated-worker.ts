import { type Clock, createLog, type LoadState } from '@sluice/shared';
import { createPolicy, defaultObjectives, defaultPolicy, Engine, greedySampling } from '@sluice/worker';
import { CostedModel } from '../simulate/costed-model.js';
import type { Machine } from '../simulate/machine.js';
import type { WorkloadRequest } from './workload.js';

/** What a gateway hears of its requests. */
export interface RequestListener {
  readonly gateway: object;
  onToken(cachedTokens: number): void;
  onEnd(): void;
}

const log = createLog('bench');
log.level = 'silent';

/** The worker's own engine, prefix cache on, over a machine that only takes time. */
export class SimulatedWorker {
  readonly id: string;
  readonly #engine: Engine;
  readonly #listeners = new Map<string, RequestListener>();

  /** @param onStep called with the requests that got something from a step, before they hear of it. */
  constructor(id: string, machine: Machine, clock: Clock, onStep: (requests: readonly RequestListener[]) => void) {
    this.id = id;
    const model = new CostedModel(machine, machine.slotsMax + machine.contextTokens, clock);
    this.#engine = new Engine(
      {
        tokenBudget: machine.tokenBudget.strict,
        kvTokensMax: machine.kvTokensMax,
        waitingMax: 1_000_000,
        prefixCache: true,
        objectives: defaultObjectives,
      },
      {
        model,
        policy: createPolicy(defaultPolicy),
        clock,
        log,
        listener: (events) => {
          onStep(events.flatMap(({ id }) => this.#listeners.get(id) ?? []));
          for (const event of events) {
            if (event.kind === 'failed') throw event.error;
            const listener = this.#listeners.get(event.id);
            if (event.kind === 'token') listener?.onToken(event.cachedTokens);
            else {
              this.#listeners.delete(event.id);
              listener?.onEnd();
            }
          }
        },
      },
    );
  }

  get load(): LoadState {
    return this.#engine.load();
  }

  submit(id: string, { promptIds, outputTokens }: WorkloadRequest, listener: RequestListener): void {
    this.#listeners.set(id, listener);
    const refusal = this.#engine.submit({
      id,
      promptIds,
      tokensMax: outputTokens,
      sampling: greedySampling,
      stopTokenIds: new Set(),
      logprobsTop: undefined,
    });
    if (refusal !== undefined) throw refusal;
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
