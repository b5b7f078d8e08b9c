import { assert } from '@sluice/shared';
import type { SlotMemory } from './kv/slot-memory.js';
import type { LiveSequence } from './live-sequence.js';
import { lookAhead } from './look-ahead.js';
import type { ModelPort } from './model-port.js';
import type { PassForecast, PassOutcome, PassRunner } from './pass-runner.js';
import type { Decision } from './scheduler/policy.js';
import { type StepPlan, spanOf } from './step-plan.js';

/** A pass that runs, and what it was made of. */
export interface PassUnderWay {
  readonly plan: StepPlan;
  readonly decision: Decision<LiveSequence>;
  /** That it has; undefined: all there are. */
  readonly executors: number | undefined;
  readonly startMs: number;
  /** When the last one ended; undefined where the engine was idle in between, or not all executors were. */
  readonly endBeforeMs: number | undefined;
}

export interface EndedPass {
  readonly pass: PassUnderWay;
  readonly outcome: PassOutcome;
}

/**
 * The passes that run now, with whom they have: their sequences are in no other pass, nor cancelled or preempted, until
 * they end. While one with decodes runs beside others, nobody comes into the slots that it spans (step-plan.ts).
 */
export class PassesUnderWay {
  readonly #model: ModelPort;
  readonly #runner: PassRunner;
  readonly #memory: SlotMemory;
  readonly #passes = new Map<PassUnderWay, Promise<EndedPass>>();

  constructor(model: ModelPort, runner: PassRunner, memory: SlotMemory) {
    this.#model = model;
    this.#runner = runner;
    this.#memory = memory;
  }

  get isEmpty(): boolean {
    return this.#passes.size === 0;
  }

  /** Those of chunks alone: how many prompts they compute. */
  get prompts(): number {
    let prompts = 0;
    for (const { plan } of this.#passes.keys()) if (plan.decodes.length === 0) prompts += plan.chunks.length;
    return prompts;
  }

  get haveDecodes(): boolean {
    for (const { plan } of this.#passes.keys()) if (plan.decodes.length > 0) return true;
    return false;
  }

  get executors(): number {
    return this.#model.executors ?? 1;
  }

  get executorsFree(): number {
    let free = this.executors;
    for (const { executors } of this.#passes.keys()) free -= executors ?? free;
    return free;
  }

  start(pass: PassUnderWay, forecast: PassForecast): void {
    const { plan, decision, executors } = pass;
    assert(plan.decodes.length === 0 || !this.haveDecodes, 'two passes at a time have decodes');
    for (const sequence of sequencesOf(decision)) sequence.isInPass = true;
    if (executors !== undefined && plan.decodes.length > 0) this.#memory.fence(spanOf(plan, this.#model.limits));
    const running = this.#runner.run(plan, forecast, executors);
    this.#passes.set(
      pass,
      running.then((outcome) => ({ pass, outcome })),
    );
  }

  /** Finds out meanwhile what may come in the rows that they will give. */
  lookAhead(): void {
    for (const { decision } of this.#passes.keys()) lookAhead(decision);
  }

  /**
   * The next that ends; at least one is under way.
   * @param news undefined comes back when it does so before.
   */
  async next(news?: Promise<undefined>): Promise<EndedPass | undefined> {
    const running: Promise<EndedPass | undefined>[] = [...this.#passes.values()];
    if (news !== undefined) running.push(news);
    const ended = await (running.length === 1 ? running[0]! : Promise.race(running));
    if (ended === undefined) return undefined;
    const { plan, decision } = ended.pass;
    this.#passes.delete(ended.pass);
    for (const sequence of sequencesOf(decision)) sequence.isInPass = false;
    if (plan.decodes.length > 0) this.#memory.fence(undefined);
    return ended;
  }

  /** Whether nobody may have anything of a running sequence computed now. */
  isBusy(sequence: LiveSequence): boolean {
    if (this.isEmpty) return false;
    return sequence.isInPass || this.#memory.isFenced(sequence) || (sequence.prefillTokens === 0 && this.haveDecodes);
  }
}

function* sequencesOf({ decodes, chunks }: Decision<LiveSequence>): Iterable<LiveSequence> {
  yield* decodes;
  for (const { sequence } of chunks) yield sequence;
}
