import { assert, type LoadState, ServingError } from '@sluice/shared';
import type { EngineOptions, EngineParts } from './engine-parts.js';
import type { EnginePort } from './engine-port.js';
import { SlotMemory } from './kv/slot-memory.js';
import { LiveSequence } from './live-sequence.js';
import { PassCommit } from './pass-commit.js';
import { PassRunner } from './pass-runner.js';
import { type EndedPass, PassesUnderWay } from './passes-under-way.js';
import { queueView } from './queue-view.js';
import { refusalOf, scoredTokensMax } from './refusal.js';
import type { RememberedCosts } from './remembered-cost.js';
import type { QueueView } from './scheduler/policy.js';
import { defaultObjectives, type SequenceRequest } from './sequence.js';
import { SequenceEnds } from './sequence-ends.js';
import { SequenceTable } from './sequence-table.js';
import { Speculation } from './speculation/speculation.js';
import { StepEvents } from './step-events.js';
import { type StepRecord, StepRecorder } from './step-record.js';
import { writePlan } from './write-plan.js';

export type { EngineOptions, EngineParts } from './engine-parts.js';

/** What prefill is sure to get of a step in which every slot decodes. */
export const PREFILL_TOKENS_MIN = 16;

/** Below it the distribution is the likeliest token alone, and dividing by it would only lose digits. */
const TEMPERATURE_MIN = 0.01;

/** An engine that has had nothing to do for so long tidies up its memory, one slot at a time with a pause behind it. */
const TIDY_AFTER_MS = 1_000;
const TIDY_PAUSE_MS = 10;

/**
 * The batch loop: plan, run, commit, again. While a pass runs off this thread, the events of the step before it go out
 * and new requests come in; between two passes there is only what the next plan needs. Where the model has several
 * executors, and the policy wants it so, there are several passes at a time, and each is followed by the next as it ends.
 *
 * What fails costs as little as can be: a row that cannot be sampled its sequence, a pass its sequences, a listener that
 * throws a line in the log. Only a broken assertion and a pass that hangs for good end the loop, and then nobody is left
 * waiting.
 */
export class Engine implements EnginePort {
  readonly contextTokens: number;
  readonly #options: EngineOptions;
  readonly #parts: EngineParts;
  readonly #memory: SlotMemory;
  readonly #recorder: StepRecorder;
  readonly #speculation: Speculation;
  readonly #runner: PassRunner;
  readonly #passes: PassesUnderWay;
  readonly #sequences: SequenceTable;
  readonly #events: StepEvents;
  readonly #ends: SequenceEnds;
  readonly #commit: PassCommit;
  #anyCancelled = false;
  #state: 'ready' | 'draining' | 'closed' | 'broken' = 'ready';
  #wake: (() => void) | undefined;
  /** When the last pass ended; undefined: the engine has been idle since, or passes are under way. */
  #passEndMs: number | undefined;
  #drained: (() => void)[] = [];
  /** Of a chunk each of whose tokens has a wanted row. */
  readonly #scoredTokensMax: number;
  readonly #loop: Promise<void>;

  constructor(options: EngineOptions, parts: EngineParts) {
    const { limits } = parts.model;
    assert(
      options.tokenBudget >= limits.slotsMax + PREFILL_TOKENS_MIN && options.tokenBudget <= limits.stepTokensMax,
      `token budget ${options.tokenBudget} of a model with ${limits.slotsMax} slots and steps of ${limits.stepTokensMax}`,
    );
    this.#options = options;
    this.#parts = parts;
    this.contextTokens = limits.contextTokens;
    this.#scoredTokensMax = scoredTokensMax(limits);
    this.#memory = new SlotMemory(
      {
        kvTokensMax: options.kvTokensMax,
        prefixCache: options.prefixCache ?? true,
        swapBytesMax: options.swapBytesMax ?? 0,
      },
      parts.model,
      () => parts.clock.nowMs(),
    );
    this.#sequences = new SequenceTable(this.#memory);
    this.#events = new StepEvents(parts);
    const report = (step: StepRecord): void => this.#events.report(step);
    this.#recorder = new StepRecorder(parts.policy, limits, report, parts.rememberedCost);
    this.#speculation = new Speculation(options.speculation ?? 'off', limits);
    this.#ends = new SequenceEnds(this.#sequences, this.#events);
    this.#commit = new PassCommit({
      model: parts.model,
      memory: this.#memory,
      speculation: this.#speculation,
      events: this.#events,
      ends: this.#ends,
      log: parts.log,
    });
    this.#runner = new PassRunner(parts.model, parts.clock, parts.log, options.passLimits);
    this.#passes = new PassesUnderWay(parts.model, this.#runner, this.#memory);
    this.#loop = this.#run();
  }

  submit(request: SequenceRequest): ServingError | undefined {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) return refusal;
    const { sampling } = request;
    const temperature = sampling.temperature === 0 ? 0 : Math.max(TEMPERATURE_MIN, sampling.temperature);
    const sequence = new LiveSequence(
      { ...request, sampling: { ...sampling, temperature } },
      this.contextTokens,
      this.#parts.clock.nowMs(),
      this.#options.objectives ?? defaultObjectives,
      this.#scoredTokensMax,
      this.#parts.model.limits.chunksRoundAsDecodes,
    );
    this.#sequences.add(sequence);
    this.#wake?.();
    return undefined;
  }

  cancel(id: string): void {
    const sequence = this.#sequences.get(id);
    if (sequence === undefined) return;
    sequence.cancelled = true;
    this.#anyCancelled = true;
    this.#wake?.();
  }

  load(): LoadState {
    return {
      state: this.#state === 'ready' ? 'ready' : 'draining',
      running: this.#sequences.running.length,
      waiting: this.#sequences.waiting.length,
      prefillTokensWaiting: this.#sequences.prefillTokens,
      kvTokensUsed: this.#memory.tokensUsed,
      kvTokensMax: this.#memory.tokensMax,
      slotsMax: this.#memory.slotsMax,
      ...this.#memory.preemptions,
      ...this.#recorder.rates,
      ...this.#speculation.counts,
    };
  }

  /** What passes cost, as far as is known, for the next start. */
  get rememberedCost(): RememberedCosts {
    return this.#recorder.rememberedCost;
  }

  drain(): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'broken') return this.#loop;
    this.#state = 'draining';
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#wake?.();
    });
  }

  async close(): Promise<void> {
    if (this.#state !== 'broken') this.#state = 'closed';
    for (const { request } of this.#sequences.all()) this.cancel(request.id);
    this.#wake?.();
    await this.#loop;
  }

  // ---- the loop

  async #run(): Promise<void> {
    try {
      await this.#steps();
    } catch (cause) {
      this.#giveUp(cause);
    } finally {
      this.#runner.rest();
    }
  }

  /** Until the engine is closed. */
  async #steps(): Promise<void> {
    for (;;) {
      if (this.#anyCancelled) this.#anyCancelled = this.#ends.finishCancelled();
      this.#startPasses();
      const isIdle = this.#passes.isEmpty;
      assert(!isIdle || this.#sequences.size === 0, 'the policy left every sequence where it was');
      // Those who are told may submit and cancel at once.
      const news = this.#news();
      this.#events.deliver();
      if (isIdle) {
        if (!(await this.#sleep())) return;
        continue;
      }
      this.#passes.lookAhead();
      this.#memory.trim();
      const ended = await this.#passes.next(this.#passes.executorsFree > 0 ? news : undefined);
      this.#wake = undefined;
      if (ended !== undefined) this.#finishPass(ended);
    }
  }

  /** As many as the policy has a use for. */
  #startPasses(): void {
    for (;;) {
      const free = this.#passes.executorsFree;
      if (free === 0) return;
      const decision = this.#parts.policy.decide(this.#queueView());
      const { executors = free } = decision;
      const isWhole = this.#passes.isEmpty && executors === free;
      const cost = this.#recorder.costOn(undefined);
      const plan = writePlan(decision, this.#sequences, this.#memory, cost, isWhole ? this.#speculation : undefined);
      if (plan.decodes.length === 0 && plan.chunks.length === 0) return;
      const pass = {
        plan,
        decision,
        executors: isWhole ? undefined : executors,
        startMs: this.#parts.clock.nowMs(),
        endBeforeMs: this.#passEndMs,
      };
      this.#passEndMs = undefined;
      this.#passes.start(pass, this.#recorder.forecast(plan, pass.executors));
    }
  }

  #finishPass({ pass, outcome }: EndedPass): void {
    const { plan, decision } = pass;
    const endMs = this.#parts.clock.nowMs();
    const isDone = outcome.kind === 'done';
    const ended = isDone ? this.#commit.commit({ plan, decision, output: outcome.output, endMs }) : [];
    if (!isDone) this.#ends.failAll(decision, outcome.error);
    if (outcome.kind === 'broken') throw outcome.cause;
    this.#recorder.add(pass, endMs, ended, isDone, this.#speculation.takeWrong());
    if (this.#passes.isEmpty) this.#passEndMs = endMs;
  }

  #queueView(): QueueView<LiveSequence> {
    return queueView({
      nowMs: this.#parts.clock.nowMs(),
      tokenBudget: this.#options.tokenBudget,
      limits: this.#parts.model.limits,
      sequences: this.#sequences,
      memory: this.#memory,
      passes: this.#passes,
      costs: this.#recorder,
    });
  }

  /** Ends everything at once; memory and slots are left as they are, for the process ends. */
  #giveUp(cause: unknown): void {
    this.#state = 'broken';
    this.#parts.log.fatal({ err: cause }, 'the engine cannot go on');
    const error = new ServingError('worker_lost', 'the worker cannot go on and starts anew; send the request again', {
      cause,
    });
    this.#ends.abandonAll(error);
    this.#events.deliver(true);
    for (const resolve of this.#drained.splice(0)) resolve();
    if (this.#parts.onFatal === undefined) throw cause;
    this.#parts.onFatal(cause);
  }

  // ---- around the loop

  #refusal(request: SequenceRequest): ServingError | undefined {
    if (this.#state !== 'ready') return new ServingError('draining', 'this worker takes no new requests');
    if (this.#sequences.has(request.id)) {
      return new ServingError('invalid_request', `request id "${request.id}" is in use`, { field: 'id' });
    }
    return refusalOf(request, {
      scoredTokensMax: this.#scoredTokensMax,
      embeddingLength: this.#parts.model.limits.embeddingLength ?? 0,
      contextTokens: this.contextTokens,
      kvTokensMax: this.#memory.tokensMax,
      waiting: this.#sequences.waiting.length,
      waitingMax: this.#options.waitingMax,
    });
  }

  /** Returns a function that takes it back. */
  #tidyLater(delayMs: number): () => void {
    let stop = this.#parts.clock.after(delayMs, () => {
      if (this.#memory.tidy()) stop = this.#tidyLater(TIDY_PAUSE_MS);
    });
    return () => stop();
  }

  /** Comes when something does that may be a reason to start another pass. */
  #news(): Promise<undefined> {
    return new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
    });
  }

  /** Until there is something to do; false when the engine was closed. */
  async #sleep(): Promise<boolean> {
    if (this.#sequences.size === 0) {
      for (const resolve of this.#drained.splice(0)) resolve();
      if (this.#state === 'closed') return false;
      this.#passEndMs = undefined;
      this.#runner.rest();
      const stopTidying = this.#tidyLater(TIDY_AFTER_MS);
      await this.#news();
      this.#wake = undefined;
      stopTidying();
    }
    return true;
  }
}
