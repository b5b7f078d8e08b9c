import { assert } from '@sluice/shared';
import type { ModelLimits } from '../engine/model-port.js';
import { type StepPlan, spanOf } from '../engine/step-plan.js';

/**
 * Which passes run now and what each has. Asserts what the engine has to see to: that no pass writes what another one, or a
 * copy, has to do with (engine/model-port.ts).
 */
export class LanePasses<Executor> {
  readonly #running = new Map<StepPlan, readonly Executor[]>();
  readonly #limits: Pick<ModelLimits, 'decodesSpanSlots'>;

  constructor(limits: Pick<ModelLimits, 'decodesSpanSlots'> = {}) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  get plans(): readonly StepPlan[] {
    return [...this.#running.keys()];
  }

  /** Empty for one that does not run. */
  executorsOf(plan: StepPlan): readonly Executor[] {
    return this.#running.get(plan) ?? [];
  }

  /**
   * @param executors of which it gets `count` that are free; absent: all, and then it runs alone.
   * @returns those that it has until {@link end}.
   */
  begin(plan: StepPlan, executors: readonly Executor[], count = executors.length): readonly Executor[] {
    this.#assertApart(plan);
    const taken = new Set([...this.#running.values()].flat());
    const free = executors.filter((executor) => !taken.has(executor)).slice(0, count);
    assert(count >= 1 && free.length === count, `a pass wants ${count} executors, and ${free.length} are free`);
    this.#running.set(plan, free);
    return free;
  }

  end(plan: StepPlan): void {
    this.#running.delete(plan);
  }

  /** That no pass writes into a slot. */
  assertStill(slot: number): void {
    for (const plan of this.#running.keys()) {
      assert(!this.#writes(plan, slot), `slot ${slot} is copied beside a pass that writes into it`);
    }
  }

  #assertApart({ decodes, chunks }: StepPlan): void {
    for (const other of this.#running.keys()) {
      assert(decodes.length === 0 || other.decodes.length === 0, 'one pass at a time has decodes');
      for (const { slot } of chunks) {
        assert(!this.#writes(other, slot), `slot ${slot} gets a chunk beside a pass that writes into it`);
      }
    }
  }

  #writes(plan: StepPlan, slot: number): boolean {
    const span = spanOf(plan, this.#limits);
    if (span !== undefined && span.first <= slot && slot <= span.last) return true;
    return [...plan.decodes, ...plan.chunks].some((one) => one.slot === slot);
  }
}
