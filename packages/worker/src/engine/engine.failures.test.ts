import { assert } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../service/test-support/manual-clock.js';
import { defaultPassLimits, HungPass } from './pass-runner.js';
import { createPolicy } from './scheduler/policies.js';
import type { Policy } from './scheduler/policy.js';
import { greedySampling, type SequenceEvent } from './sequence.js';
import type { LogitsRow, StepOutput } from './step-plan.js';
import { HashModel } from './test-support/hash-model.js';
import { request, start, startWith } from './test-support/outcomes.js';

const options = { tokenBudget: 20, kvTokensMax: 256, waitingMax: 10 };

describe('Engine, where something fails', () => {
  it.each([
    ['greedy', {}],
    ['greedy with penalties', { presencePenalty: 1 }],
    ['sampled', { temperature: 0.8 }],
    ['sampled from the whole vocabulary', { temperature: 1.5, topP: 0.999 }],
  ])('fails the one sequence whose row is not made of numbers: %s', async (_, fields) => {
    const model = new SpoiltModel();
    const { engine, outcomes } = startWith(options, { model });
    const sampling = { ...greedySampling, ...fields };
    model.spoiltSlot = 1;
    for (const id of ['a', 'b', 'c']) engine.submit(request({ id, sampling, promptIds: [1, 2, 3] }));
    await outcomes.allEnded();
    expect(['a', 'b', 'c'].map((id) => outcomes.get(id).reason)).toEqual(['length', 'engine_failed', 'length']);
    expect(engine.load()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 });
    await engine.close();
  });

  it('goes on when its listener or its step callback throws', async () => {
    const kinds: string[] = [];
    const { engine } = startWith(options, {
      listener: (events) => {
        kinds.push(...events.map((event) => event.kind));
        throw new Error('a listener that throws');
      },
      onStep: () => {
        throw new Error('a step callback that throws');
      },
    });
    engine.submit(request({ id: 'a', tokensMax: 3 }));
    await engine.drain();
    expect(kinds).toEqual(['token', 'token', 'token', 'finished']);
    await engine.close();
  });

  it.each(['decide', 'observe'] as const)(
    'ends at once and tells everybody when the policy throws in %s',
    async (part) => {
      const broken = { ...createPolicy('sarathi') };
      const policy: Policy = {
        decide: (queue) => {
          assert(part !== 'decide' || queue.running.length === 0, 'a rule of the policy');
          return broken.decide(queue);
        },
        observe: () => assert(part !== 'observe', 'a rule of the policy'),
      };
      const causes: unknown[] = [];
      const { engine, outcomes } = startWith(
        options,
        { policy, onFatal: (cause) => causes.push(cause) },
        { slotsMax: 1 },
      );
      for (const id of ['a', 'b']) engine.submit(request({ id }));
      const drained = engine.drain();
      await outcomes.allEnded();
      await drained;
      expect(String(causes)).toContain('assertion failed: a rule of the policy');
      expect(['a', 'b'].map((id) => outcomes.get(id).reason)).toEqual(['worker_lost', 'worker_lost']);
      expect(engine.submit(request({ id: 'c' }))?.code).toBe('draining');
      expect(engine.load().state).toBe('draining');
      await engine.drain();
      await engine.close();
    },
  );

  it('ends at once when its memory breaks a rule in a pass, and when a listener does', async () => {
    for (const part of ['release', 'listener'] as const) {
      const model = new HashModel({ slotsMax: 1 });
      const causes: unknown[] = [];
      const reasons: string[] = [];
      const { engine } = startWith(options, {
        model,
        onFatal: (cause) => causes.push(cause),
        listener: (events) => {
          for (const event of events) if (event.kind === 'failed') reasons.push(event.error.code);
          assert(part !== 'listener', 'a rule of the listener');
        },
      });
      model.forward = async () => {
        assert(part !== 'release', 'a rule of the memory');
        return { rows: [{ best: 1, logits: new Float32Array(2), candidates: undefined, logSumExps: [] }] };
      };
      for (const id of ['a', 'b']) engine.submit(request({ id }));
      await engine.drain();
      expect(String(causes)).toContain('assertion failed: a rule of the');
      expect(reasons.length).toBe(2);
      await engine.close();
    }
  });

  it('cuts off a pass that hangs, and serves those who come after it', async () => {
    const { clock, model, engine, outcomes } = startHanging(true);
    engine.submit(request({ id: 'a' }));
    await turn();
    await pass(clock, defaultPassLimits.leastUnlearntMs);
    expect(model.stops).toBe(0);
    await pass(clock, 1_000);
    expect(model.stops).toBe(1);
    await outcomes.allEnded();
    expect(outcomes.get('a').reason).toBe('engine_failed');
    expect(outcomes.get('a').message).toBe('the forward pass was cut off after 301 s');
    model.hangs = false;
    engine.submit(request({ id: 'b' }));
    await outcomes.allEnded();
    expect(outcomes.get('b').reason).toBe('length');
    await engine.close();
    expect(clock.timerCount).toBe(0);
  });

  it('ends when a pass hangs and cannot be stopped; those who were not in it may go elsewhere', async () => {
    const { clock, engine, outcomes, causes } = startHanging(false);
    for (const id of ['a', 'b']) engine.submit(request({ id }));
    const drained = engine.drain();
    await turn();
    await pass(clock, defaultPassLimits.leastUnlearntMs + defaultPassLimits.graceMs + 1_000);
    expect(causes).toEqual([]);
    await pass(clock, 1_000);
    await drained;
    expect(causes).toEqual([expect.any(HungPass)]);
    await outcomes.allEnded();
    expect(['a', 'b'].map((id) => outcomes.get(id).reason)).toEqual(['engine_failed', 'worker_lost']);
    await engine.close();
    expect(clock.timerCount).toBe(0);
  });

  it('knows how long passes take, and then waits for none ten times as long', async () => {
    const { clock, model, engine, outcomes } = startHanging(true);
    model.hangs = false;
    engine.submit(request({ id: 'a', tokensMax: 40 }));
    await outcomes.allEnded();
    model.hangs = true;
    engine.submit(request({ id: 'b' }));
    await turn();
    await pass(clock, defaultPassLimits.leastMs + 1_000);
    expect(model.stops).toBe(1);
    await outcomes.allEnded();
    await engine.close();
  });

  it('does not take a machine that was suspended for a pass that hangs', async () => {
    const clock = new SuspendedClock();
    const { model, engine, outcomes } = startHanging(true, clock);
    engine.submit(request({ id: 'a' }));
    await turn();
    for (let day = 0; day < 100; day++) await pass(clock, 1_000);
    clock.sleep(86_400_000);
    await pass(clock, 100_000);
    expect(model.stops).toBe(0);
    await pass(clock, 200_000);
    expect(model.stops).toBe(1);
    await outcomes.allEnded();
    await engine.close();
  });

  it('takes of a thousand at once what its queue holds, refuses the others, and ends each', async () => {
    const { engine, outcomes } = start({ ...options, waitingMax: 600 }, { slotsMax: 4 });
    const ids = Array.from({ length: 1_000 }, (_, index) => `r${index}`);
    const refused = ids.filter((id) => engine.submit(request({ id, tokensMax: 3 }))?.code === 'queue_full');
    expect(refused).toEqual(ids.slice(600));
    await outcomes.allEnded();
    expect(ids.slice(0, 600).every((id) => outcomes.get(id).reason === 'length')).toBe(true);
    await engine.close();
  });

  it('frees every slot within one step when all leave at once', async () => {
    const { engine, outcomes, model } = start({ ...options, waitingMax: 600 }, { slotsMax: 4 });
    const ids = Array.from({ length: 500 }, (_, index) => `r${index}`);
    let atPass = -1;
    model.onPass = (number) => {
      if (number !== 5) return;
      for (const id of ids) engine.cancel(id);
      atPass = number;
    };
    for (const id of ids) engine.submit(request({ id, tokensMax: 40 }));
    await outcomes.allEnded();
    expect(atPass).toBe(5);
    expect(model.passes).toBe(6);
    expect(ids.map((id) => outcomes.get(id).reason)).toEqual(ids.map(() => 'cancelled'));
    expect(engine.load()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 });
    engine.cancel('nobody');
    const again = request({ id: 'r1' });
    expect(engine.submit(again)).toBeUndefined();
    await outcomes.allEnded().catch(() => {});
    await engine.close();
    expect(engine.submit(request({ id: 'late' }))?.code).toBe('draining');
  });

  it('takes an objective that nobody can meet, and says that it was missed', async () => {
    const clock = new ManualClock();
    const ends: SequenceEvent[] = [];
    const { engine, model } = startWith(options, {
      clock,
      listener: (events) => ends.push(...events.filter((event) => event.kind === 'finished')),
    });
    model.onPass = () => clock.advance(2);
    const terms = { priority: 'normal', ttftMs: 1, tbtMs: 1, client: '' } as const;
    expect(engine.submit(request({ id: 'a', terms }))).toBeUndefined();
    await engine.drain();
    expect(ends).toMatchObject([{ reason: 'length', timeliness: { isTtftMet: false, isTbtMet: false } }]);
    await engine.close();
  });
});

/** The hashing model, one of whose slots gives one row that is not made of numbers. */
class SpoiltModel extends HashModel {
  spoiltSlot = -1;

  override async forward(plan: Parameters<HashModel['forward']>[0]): Promise<StepOutput> {
    const wanting = [...plan.decodes, ...plan.chunks].filter(({ want }) => want !== undefined);
    const { rows } = await super.forward(plan);
    const at = wanting.findIndex(({ slot }) => slot === this.spoiltSlot);
    if (at >= 0) this.spoiltSlot = -1;
    return { rows: rows.map((row, index) => (index === at ? spoilt(row) : row)) };
  }
}

function spoilt(row: LogitsRow): LogitsRow {
  return {
    ...row,
    logits: row.logits.map(() => Number.NaN),
    candidates: row.candidates && { ...row.candidates, logits: row.candidates.logits.map(() => Number.NaN) },
    logSumExps: row.logSumExps.map(() => Number.NaN),
  };
}

/** The hashing model, whose passes hang until they are stopped, or for good. */
class HangingModel extends HashModel {
  hangs = true;
  stops = 0;
  readonly #stoppable: boolean;
  #reject: ((failure: Error) => void) | undefined;

  constructor(stoppable: boolean) {
    super({ slotsMax: 1 });
    this.#stoppable = stoppable;
  }

  override forward(plan: Parameters<HashModel['forward']>[0]): Promise<StepOutput> {
    if (!this.hangs) return super.forward(plan);
    return new Promise((_, reject) => {
      this.#reject = reject;
    });
  }

  override stop(): void {
    this.stops += 1;
    if (this.#stoppable) this.#reject?.(new Error('terminated'));
  }
}

/** One slot, and passes that hang. */
function startHanging(stoppable: boolean, clock = new ManualClock()) {
  const model = new HangingModel(stoppable);
  const causes: unknown[] = [];
  const started = startWith({ ...options, tokenBudget: 17 }, { model, clock, onFatal: (cause) => causes.push(cause) });
  return { ...started, model, clock, causes };
}

/** Lets time pass, and after each second all that follows from it happen. */
async function pass(clock: ManualClock, durationMs: number): Promise<void> {
  for (let leftMs = durationMs; leftMs > 0; leftMs -= 1_000) {
    clock.advance(Math.min(leftMs, 1_000));
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that jumps: what was due in between is called once, at the end. */
class SuspendedClock extends ManualClock {
  #jumpMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.#jumpMs;
  }

  sleep(durationMs: number): void {
    this.#jumpMs += durationMs;
  }
}
