import { createLog, type ServingError, systemClock } from '@sluice/shared';
import {
  createPolicy,
  Engine,
  type ModelPort,
  type SequenceEvent,
  type SequenceRequest,
  type SpeculationMode,
} from '@sluice/worker';

/** What became of requests that were run side by side. */
export interface SideBySide {
  /** By request: all tokens. */
  readonly tokenIds: readonly (readonly number[])[];
  /** Of one stream, from its first token to its last. */
  readonly tokensPerSecond: number;
  readonly tokensDrafted: number;
  readonly tokensAccepted: number;
}

/** A batch loop that is kept from run to run, so that it knows what it has learnt. No prompts are kept. */
export class SpeculatingEngine {
  readonly #engine: Engine;
  #onEvents: (events: readonly SequenceEvent[]) => void = () => {};

  /** @param model used by nobody else while a run goes on. */
  constructor(model: ModelPort, mode: SpeculationMode) {
    const { slotsMax, contextTokens, stepTokensMax } = model.limits;
    this.#engine = new Engine(
      {
        tokenBudget: stepTokensMax,
        kvTokensMax: slotsMax * contextTokens,
        waitingMax: 1024,
        prefixCache: false,
        speculation: mode,
      },
      {
        model: keepingMemory(model),
        policy: createPolicy('slo'),
        clock: systemClock(),
        log: createLog('bench'),
        listener: (events) => this.#onEvents(events),
      },
    );
  }

  /** @throws ServingError the first that a request was refused or failed with. */
  async run(requests: readonly SequenceRequest[]): Promise<SideBySide> {
    const before = this.#engine.load();
    const streams = new Map(requests.map(({ id }) => [id, { tokenIds: [] as number[], firstMs: 0, lastMs: 0 }]));
    let left = requests.length;
    await new Promise<void>((resolve, reject) => {
      const end = (failure: ServingError | undefined): void => (failure === undefined ? resolve() : reject(failure));
      this.#onEvents = (events) => {
        const nowMs = performance.now();
        for (const event of events) {
          const stream = streams.get(event.id)!;
          if (event.kind === 'token') {
            if (stream.tokenIds.length === 0) stream.firstMs = nowMs;
            stream.lastMs = nowMs;
            stream.tokenIds.push(event.tokenId);
          } else if (event.kind !== 'prompt') {
            left -= 1;
            if (event.kind === 'failed') end(event.error);
            else if (left === 0) end(undefined);
          }
        }
      };
      for (const request of requests) {
        const refusal = this.#engine.submit(request);
        if (refusal !== undefined) end(refusal);
      }
    });
    const after = this.#engine.load();
    const all = [...streams.values()];
    const tokens = all.reduce((sum, { tokenIds }) => sum + tokenIds.length - 1, 0);
    const streamMs = all.reduce((sum, { firstMs, lastMs }) => sum + lastMs - firstMs, 0);
    return {
      tokenIds: all.map(({ tokenIds }) => tokenIds),
      tokensPerSecond: (tokens * 1000) / streamMs,
      tokensDrafted: after.tokensDrafted - before.tokensDrafted,
      tokensAccepted: after.tokensAccepted - before.tokensAccepted,
    };
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** An idle engine tidies up the memory of slots, of which another one may be making use. */
function keepingMemory(model: ModelPort): ModelPort {
  return {
    limits: model.limits,
    forward: (plan) => model.forward(plan),
    stop: (plan) => model.stop(plan),
    copy: (fromSlot, toSlot, tokens) => model.copy(fromSlot, toSlot, tokens),
    copyBytes: (tokens) => model.copyBytes(tokens),
    copyOut: (slot, tokens) => model.copyOut(slot, tokens),
    copyIn: (slot, copied) => model.copyIn(slot, copied),
    prepare: () => {},
    release: () => {},
    close: () => {},
  };
}
