import { type Logger, ServingError } from '@sluice/shared';
import { Heartbeat } from '@sluice/store';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import type { Engine } from '../../../packages/worker/src/engine/engine.js';
import { defaultLimits } from '../../../packages/worker/src/service/limits.js';
import type { WorkerService } from '../../../packages/worker/src/service/worker-service.js';
import type { PassCost } from '../scenario.js';
import { TimedModel } from '../timed-model.js';
import type { SystemSubject } from './run-system.js';
import type { Host } from './simulated-network.js';
import { SimulatedProcess } from './simulated-process.js';
import type { SimulatedStore } from './simulated-store.js';
import { END_TOKEN, smallText, VOCABULARY } from './small-text.js';
import type { SystemEntry, WorkerRest } from './system-history.js';
import { CONTEXT_TOKENS, MODEL, type WorkerSizes } from './system-scenario.js';

export interface SimulatedWorkerParts {
  readonly index: number;
  readonly sizes: WorkerSizes;
  readonly seed: number;
  readonly clock: SimulatedClock;
  readonly store: SimulatedStore;
  readonly log: Logger;
  readonly subject: SystemSubject;
  readonly record: (entry: SystemEntry) => void;
  /** Its process is gone; the streams to it break, or are silent where its machine is gone too. */
  readonly onDeath: (isTold: boolean) => void;
}

const text = smallText();

/** One address at which processes of the worker come and go. */
export class SimulatedWorker {
  readonly address: string;
  readonly #parts: SimulatedWorkerParts;
  #run: WorkerRun | undefined;
  #starts = 0;
  #slowness = 1;

  constructor(parts: SimulatedWorkerParts) {
    this.#parts = parts;
    this.address = `worker-${parts.index}:1`;
  }

  get host(): Host | undefined {
    return this.#run?.host;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  start(): void {
    if (this.#run !== undefined) return;
    this.#starts += 1;
    this.#run = this.#open(`${this.#parts.index}.${this.#starts}`);
  }

  kill(isTold: boolean): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    run.process.kill();
    this.#parts.onDeath(isTold);
  }

  pause(): void {
    this.#run?.process.pause();
  }

  resume(): void {
    this.#run?.process.resume();
  }

  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  /** So many of the next ones; 0: none any more. */
  failPasses(count: number): void {
    this.#run?.failNext(count);
  }

  /** As `sluice worker` does at SIGTERM; resolves when its process has ended. */
  async drain(handOverMs: number): Promise<void> {
    const run = this.#run;
    if (run === undefined || run.isDraining) return;
    run.isDraining = true;
    await run.heartbeat.stop();
    await run.service.drain(handOverMs);
    run.service.endStreams(new ServingError('draining', 'the worker is going away'));
    await run.engine.close();
    if (this.#run !== run) return;
    this.#run = undefined;
    this.#parts.record({ kind: 'closed', process: `worker ${this.#parts.index}`, timers: run.process.timers });
    run.process.kill();
    this.#parts.onDeath(true);
  }

  rest(): WorkerRest | undefined {
    if (this.#run === undefined) return undefined;
    const { engine, service } = this.#run;
    const { running, waiting, prefillTokensWaiting, swapBytesUsed } = engine.load();
    const { count } = service.requests;
    const { index: worker } = this.#parts;
    return {
      worker,
      running,
      waiting,
      prefillTokensWaiting,
      swapBytesUsed,
      liveRequests: count,
      streams: service.streams,
    };
  }

  #open(epoch: string): WorkerRun {
    const { sizes, seed, index, clock, store, log, subject, record } = this.#parts;
    const process = new SimulatedProcess(clock);
    const limits = {
      vocabularyCount: VOCABULARY,
      slotsMax: sizes.slotsMax,
      contextTokens: CONTEXT_TOKENS,
      stepTokensMax: 64,
      chunksMax: 2,
      chunkBlockTokens: 8,
      decodeTokensMax: 4,
      wantedRowsMax: sizes.slotsMax + 4,
    };
    const failingPasses = new Set<number>();
    const slowed = (): PassCost => {
      const { baseMs, tokenMs, pairMs, jitterRatio } = sizes.cost;
      const factor = this.#slowness;
      return { baseMs: baseMs * factor, tokenMs: tokenMs * factor, pairMs: pairMs * factor, jitterRatio };
    };
    const model = new TimedModel(
      {
        seed: seed + index + 100 * this.#starts,
        limits,
        get cost() {
          return slowed();
        },
        failingPasses,
        hangingPasses: new Set(),
      },
      process,
      (entry) => {
        if (entry.kind === 'broken') record({ kind: 'broken', message: `worker ${index}: ${entry.message}` });
      },
    );
    const { slotsMax, kvTokensMax, waitingMax, swapBytesMax, policy } = sizes;
    const made: { service?: WorkerService } = {};
    const wanted = new Set<string>();
    const chosen = subject.createPolicy(policy);
    const engine = new subject.Engine(
      { tokenBudget: slotsMax + 24, kvTokensMax, waitingMax, swapBytesMax },
      {
        model,
        policy: {
          decide: (queue) => {
            const planned = queue.running.length + queue.waiting.length;
            if (planned > wanted.size) record({ kind: 'planned-late', worker: index, planned, wanted: wanted.size });
            return chosen.decide(queue);
          },
          observe: (step) => chosen.observe(step),
        },
        clock: process,
        log,
        listener: (events) => made.service?.onStep(events),
        onFatal: (cause) => record({ kind: 'broken', message: `worker ${index}: ${String(cause)}` }),
      },
    );
    const info = {
      name: MODEL,
      architecture: 'hash',
      contextTokens: CONTEXT_TOKENS,
      vocabularyCount: VOCABULARY,
      endTokenIds: [END_TOKEN],
      weights: 'none',
    };
    const { framesUnacknowledgedMax, pendingBytesMax } = sizes;
    const service = new subject.WorkerService({
      engine,
      text,
      info,
      epoch,
      log,
      clock: process,
      limits: { ...defaultLimits, framesUnacknowledgedMax, pendingBytesMax },
    });
    made.service = service;
    const { loads } = store.linkFor(process);
    const heartbeat = new Heartbeat({
      put: () => loads.putWorker({ id: this.address, address: this.address, model: MODEL, epoch, load: engine.load() }),
      remove: () => loads.removeWorker(this.address, epoch),
      clock: process,
    });
    return {
      process,
      engine,
      service,
      heartbeat,
      isDraining: false,
      host: { process, wanted, attach: (call) => service.attach(call) },
      failNext: (count) => {
        failingPasses.clear();
        for (let pass = 0; pass < count; pass++) failingPasses.add(model.passes + pass);
      },
    };
  }
}

interface WorkerRun {
  readonly process: SimulatedProcess;
  readonly engine: Engine;
  readonly service: WorkerService;
  readonly heartbeat: Heartbeat;
  readonly host: Host;
  isDraining: boolean;
  failNext(count: number): void;
}
