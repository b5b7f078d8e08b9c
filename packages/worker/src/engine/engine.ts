import { assert, BrokenAssertion, type LoadState, ServingError } from '@sluice/shared';
import type { EngineOptions, EngineParts } from './engine-parts.js';
import type { EnginePort } from './engine-port.js';
import { SlotMemory } from './kv/slot-memory.js';
import { LiveSequence } from './live-sequence.js';
import { PassRunner } from './pass-runner.js';
import { hiddenOf, tellPrompt } from './prompt-report.js';
import { refusalOf, scoredTokensMax } from './refusal.js';
import type { Decision } from './scheduler/policy.js';
import { defaultObjectives, type EngineFinishReason, type SequenceEvent, type SequenceRequest } from './sequence.js';
import { SequenceTable } from './sequence-table.js';
import { Speculation } from './speculation/speculation.js';
import type { DecodeRow, LogitsRow, StepOutput, StepPlan } from './step-plan.js';
import { type StepRecord, StepRecorder } from './step-record.js';
import { takeToken } from './take-token.js';
import type { TokenGuide } from './token-guide.js';
import { writePlan } from './write-plan.js';

export type { EngineOptions, EngineParts } from './engine-parts.js';

/** What prefill is sure to get of a step in which every slot decodes. */
export const PREFILL_TOKENS_MIN = 16;

/** Below it the distribution is the likeliest token alone, and dividing by it would only lose digits. */
const TEMPERATURE_MIN = 0.01;

/** An engine that has had nothing to do for so long gives memory back, one slot at a time with a pause behind it. */
const TRIM_AFTER_MS = 1_000;
const TRIM_PAUSE_MS = 10;

/**
 * The batch loop: plan, run, commit, again. While a pass runs off this thread, the events of the step before it go out
 * and new requests come in; between two passes there is only what the next plan needs.
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
  readonly #passes: PassRunner;
  readonly #sequences: SequenceTable;
  #events: SequenceEvent[] = [];
  /** Had their last token in the step that is being committed. */
  readonly #ended: LiveSequence[] = [];
  #anyCancelled = false;
  #state: 'ready' | 'draining' | 'closed' | 'broken' = 'ready';
  #wake: (() => void) | undefined;
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
    this.#recorder = new StepRecorder(parts.policy, (step) => this.#report(step));
    this.#speculation = new Speculation(options.speculation ?? 'off', limits);
    this.#passes = new PassRunner(parts.model, parts.clock, parts.log, options.passLimits);
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
      this.#passes.rest();
    }
  }

  /** Until the engine is closed. */
  async #steps(): Promise<void> {
    let passEndMs: number | undefined;
    for (;;) {
      if (this.#anyCancelled) this.#endCancelled();
      const decision = this.#decide();
      const plan = writePlan(decision, this.#sequences, this.#memory, this.#recorder.cost, this.#speculation);
      if (plan.decodes.length === 0 && plan.chunks.length === 0) {
        assert(this.#sequences.size === 0, 'the policy left every sequence where it was');
        this.#deliver();
        if (!(await this.#sleep())) return;
        passEndMs = undefined;
        continue;
      }
      const startMs = this.#parts.clock.nowMs();
      const pass = this.#passes.run(plan, this.#recorder.forecast(plan));
      this.#deliver();
      this.#guide(decision);
      this.#memory.trim(false);
      const outcome = await pass;
      const endMs = this.#parts.clock.nowMs();
      if (outcome.kind === 'done') this.#commit(plan, decision, outcome.output, endMs);
      else this.#failAll(decision, outcome.error);
      if (outcome.kind === 'broken') throw outcome.cause;
      const times = { startMs, endMs, endBeforeMs: passEndMs };
      const isDone = outcome.kind === 'done';
      this.#recorder.add(plan, decision, this.#ended.splice(0), times, isDone, this.#speculation.takeWrong());
      passEndMs = endMs;
    }
  }

  #decide(): Decision<LiveSequence> {
    const { chunksMax, chunkBlockTokens, stepTokensMax } = this.#parts.model.limits;
    this.#memory.lookUpAll(this.#sequences.waiting);
    return this.#parts.policy.decide({
      nowMs: this.#parts.clock.nowMs(),
      running: this.#sequences.running,
      waiting: this.#sequences.admissible,
      slotsFree: this.#memory.slotsFree,
      blocksFree: this.#memory.blocksFree,
      blocksMax: this.#memory.blocksMax,
      limits: {
        tokenBudget: this.#options.tokenBudget,
        stepTokensMax,
        chunksMax,
        chunkBlockTokens,
        copyTokensMax: this.#memory.copyTokensMax,
      },
      cost: this.#recorder.cost,
    });
  }

  /** While the pass runs: what may come in the rows that it will give. */
  #guide({ decodes, chunks }: Decision<LiveSequence>): void {
    for (const { request } of decodes) lookAhead(request.guide);
    for (const { sequence } of chunks) lookAhead(sequence.request.guide);
  }

  /** Takes each wanted row's token. The order of rows is the order of the plan. */
  #commit(plan: StepPlan, decision: Decision<LiveSequence>, output: StepOutput, nowMs: number): void {
    let row = 0;
    for (const [index, sequence] of decision.decodes.entries()) {
      const decode = plan.decodes[index]!;
      this.#takeWhileRight(sequence, decode, output.rows.slice(row, row + decode.wantTokens), nowMs);
      row += decode.wantTokens;
    }
    for (const [index, { sequence, tokens }] of decision.chunks.entries()) {
      sequence.computed += tokens;
      this.#memory.wrote(sequence);
      const { wantTokens } = plan.chunks[index]!;
      const rows = output.rows.slice(row, row + wantTokens);
      row += wantTokens;
      if (!this.#tell(sequence, tokens, rows, () => hiddenOf(plan, index, output))) continue;
      if (sequence.computed === sequence.tokens) this.#take(sequence, rows.at(-1)!, nowMs);
    }
  }

  /** What a slice of a prompt tells of it. False: it was all that there was to do, or it has failed. */
  #tell(sequence: LiveSequence, tokens: number, rows: LogitsRow[], hidden: () => Float32Array | undefined): boolean {
    const { promptReport, computed, endsWithPrompt } = sequence;
    if (sequence.cancelled || (promptReport === undefined && !endsWithPrompt)) return true;
    const slice = { start: computed - tokens, end: computed, rows, hidden: hidden() };
    const told = this.#alone(sequence, () => ({ event: tellPrompt(sequence, slice) }));
    if (told === undefined) return false;
    if (told.event !== undefined) this.#events.push(told.event);
    if (!endsWithPrompt || computed < sequence.promptTokens) return true;
    this.#finish(sequence, 'length');
    this.#ended.push(sequence);
    return false;
  }

  /**
   * The row of the last known token, and then that of each draft that was right: what it gives is what it would give in a
   * pass of its own. What the others wrote lies behind what is computed, and nobody reads it.
   */
  #takeWhileRight(sequence: LiveSequence, { tokenIds }: DecodeRow, rows: readonly LogitsRow[], nowMs: number): void {
    const drafts = Math.max(0, rows.length - 1);
    const known = tokenIds.length - drafts;
    const { tokens } = sequence;
    sequence.computed += known;
    let right = 0;
    for (const row of rows) {
      this.#take(sequence, row, nowMs);
      // It ended, or failed, or was cancelled.
      if (sequence.tokens !== tokens + right + 1 || sequence.slot === undefined) break;
      if (right === drafts || sequence.tokenIds.at(-1) !== tokenIds[known + right]) break;
      right += 1;
      sequence.computed += 1;
    }
    this.#speculation.observe(sequence, drafts, right, sequence.tokenIds.slice(tokens));
  }

  #take(sequence: LiveSequence, row: LogitsRow, nowMs: number): void {
    if (sequence.cancelled) return;
    const event = this.#alone(sequence, () => takeToken(sequence, row, nowMs));
    if (event === undefined) return;
    this.#events.push(event);
    const { stopTokenIds, guide } = sequence.request;
    const isStop = stopTokenIds.has(event.tokenId) || guide?.isComplete === true;
    if (!isStop && sequence.tokens < sequence.tokensMax) return;
    this.#finish(sequence, isStop ? 'stop' : 'length');
    this.#ended.push(sequence);
  }

  /** Undefined: the sequence has failed, alone. */
  #alone<Result>(sequence: LiveSequence, read: () => Result): Result | undefined {
    try {
      return read();
    } catch (failure) {
      if (failure instanceof BrokenAssertion) throw failure;
      const { id } = sequence.request;
      this.#parts.log.error({ err: failure, sequence: id, tokens: sequence.tokens }, 'a row could not be sampled');
      this.#fail(sequence, asEngineFailure(failure));
      return undefined;
    }
  }

  // ---- how sequences end

  #finish(sequence: LiveSequence, reason: EngineFinishReason): void {
    this.#sequences.remove(sequence, true);
    this.#events.push({
      kind: 'finished',
      id: sequence.request.id,
      reason,
      completionTokens: sequence.generated,
      timeliness: sequence.lastTokenMs === undefined ? undefined : sequence.times,
    });
  }

  #endCancelled(): void {
    this.#anyCancelled = false;
    for (const sequence of this.#sequences.all()) if (sequence.cancelled) this.#finish(sequence, 'cancelled');
  }

  #failAll({ decodes, chunks }: Decision<LiveSequence>, error: ServingError): void {
    for (const sequence of [...decodes, ...chunks.map((chunk) => chunk.sequence)]) this.#fail(sequence, error);
  }

  /** Whatever it computed, nobody may find it in its slot. */
  #fail(sequence: LiveSequence, error: ServingError): void {
    this.#sequences.remove(sequence, false);
    this.#events.push({ kind: 'failed', id: sequence.request.id, error });
  }

  /** Ends everything at once; memory and slots are left as they are, for the process ends. */
  #giveUp(cause: unknown): void {
    this.#state = 'broken';
    this.#parts.log.fatal({ err: cause }, 'the engine cannot go on');
    const error = new ServingError('worker_lost', 'the worker cannot go on and starts anew; send the request again', {
      cause,
    });
    for (const { request } of this.#sequences.takeAll()) this.#events.push({ kind: 'failed', id: request.id, error });
    this.#deliver();
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
  #trimLater(delayMs: number): () => void {
    let stop = this.#parts.clock.after(delayMs, () => {
      if (this.#memory.trim(true)) stop = this.#trimLater(TRIM_PAUSE_MS);
    });
    return () => stop();
  }

  #deliver(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#contained('a step listener', () => this.#parts.listener(events));
  }

  #report(step: StepRecord): void {
    const { onStep } = this.#parts;
    if (onStep !== undefined) this.#contained('a step callback', () => onStep(step));
  }

  /** What others do with a step is no reason to stop. */
  #contained(who: string, call: () => void): void {
    try {
      call();
    } catch (failure) {
      if (failure instanceof BrokenAssertion && this.#state !== 'broken') throw failure;
      this.#parts.log.error({ err: failure }, `${who} threw`);
    }
  }

  /** Until there is something to do; false when the engine was closed. */
  async #sleep(): Promise<boolean> {
    if (this.#sequences.size === 0) {
      for (const resolve of this.#drained.splice(0)) resolve();
      if (this.#state === 'closed') return false;
      this.#passes.rest();
      const stopTrimming = this.#trimLater(TRIM_AFTER_MS);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      stopTrimming();
    }
    return true;
  }
}

/** What goes wrong is thrown again where the answer is needed, and ends the sequence there. */
function lookAhead(guide: TokenGuide | undefined): void {
  try {
    if (guide?.forced().length === 0) guide.allowed();
  } catch (failure) {
    if (!(failure instanceof ServingError)) throw failure;
  }
}

function asEngineFailure(failure: unknown): ServingError {
  if (failure instanceof ServingError) return failure;
  return new ServingError('engine_failed', 'a token could not be sampled; the failure is in the log of the worker', {
    cause: failure,
  });
}
