import { assert, createLog } from '@sluice/shared';
import { SimulatedClock } from '../../packages/bench/src/simulate/simulated-clock.js';
import { noWork, withChunk, withDecode } from '../../packages/worker/src/engine/cost-model.js';
import type { Engine } from '../../packages/worker/src/engine/engine.js';
import type { LiveSequence } from '../../packages/worker/src/engine/live-sequence.js';
import type {
  Decision,
  Policy,
  QueueView,
  SequenceView,
  SideBySide,
} from '../../packages/worker/src/engine/scheduler/policy.js';
import type { BesideSnapshot, History, HistoryEntry, HistoryRecord, SequenceSnapshot } from './history.js';
import { longestJobsMs, predictedStep } from './predicted-step.js';
import type { Scenario } from './scenario.js';
import { TimedModel } from './timed-model.js';

/** What is run: the worker's own code, or a mutant of it. */
export type Subject = typeof import('./subject.js');

const log = createLog('sim');
log.level = 'silent';

/** More than any scenario needs when every pass moves somebody on. */
const PASSES_MAX = 5_000;
/** Timers called in a row without a pass: an hour of looking at one that hangs, and more. */
const TIMERS_AT_ONCE_MAX = 5_000;
/** Plans made without time going by: more than a few, and the loop spins. */
const DECISIONS_AT_ONCE_MAX = 100;

/**
 * Runs a scenario to its end in simulated time, in this thread, and says all that happened.
 * @param policy a name of the subject's policies.
 */
export async function runScenario(scenario: Scenario, policy: string, { Engine, policies }: Subject): Promise<History> {
  const history: HistoryRecord[] = [];
  const clock = new SimulatedClock();
  const record = (entry: HistoryEntry): void => {
    history.push({ atMs: clock.nowMs(), ...entry });
  };
  let { cost } = scenario;
  const model = new TimedModel(
    {
      ...scenario,
      get cost() {
        return cost;
      },
    },
    clock,
    record,
  );
  const unwatch = watchCrashes((message) => record({ kind: 'broken', part: 'engine', message }));
  const made: { engine?: Engine } = {};
  const makePolicy = policies.get(policy);
  assert(makePolicy !== undefined, `policy ${policy} must be one of ${[...policies.keys()].join(', ')}`);
  const engine = new Engine(scenario.options, {
    model,
    policy: observed(makePolicy(), clock, record, made),
    clock,
    log,
    listener: (events) => record({ kind: 'events', events }),
  });
  made.engine = engine;
  for (const { atMs, request } of scenario.requests) {
    clock.after(atMs, () => {
      const loadBefore = engine.load();
      record({ kind: 'submit', request, refusal: engine.submit(request)?.code, loadBefore });
    });
  }
  for (const { atMs, id } of scenario.cancels) {
    clock.after(atMs, () => {
      record({ kind: 'cancel', id });
      engine.cancel(id);
    });
  }
  for (const { atMs, ms } of scenario.faults.jumps) clock.after(atMs, () => clock.jump(ms));
  for (const { atMs, factor } of scenario.faults.speeds) {
    clock.after(atMs, () => {
      const { baseMs, tokenMs, pairMs } = cost;
      cost = { ...cost, baseMs: baseMs * factor, tokenMs: tokenMs * factor, pairMs: pairMs * factor };
    });
  }
  let drained = scenario.drainAtMs === undefined;
  if (scenario.drainAtMs !== undefined) {
    clock.after(scenario.drainAtMs, () => {
      record({ kind: 'drain' });
      void engine.drain().then(() => {
        drained = true;
      });
    });
  }
  await settle();
  let passes = 0;
  let timers = 0;
  while (model.passes < PASSES_MAX && timers < TIMERS_AT_ONCE_MAX && clock.advance()) {
    await settle();
    timers = model.passes === passes ? timers + 1 : 0;
    passes = model.passes;
  }
  if (timers >= TIMERS_AT_ONCE_MAX) record({ kind: 'broken', part: 'progress', message: 'nothing goes on any more' });
  else if (model.passes >= PASSES_MAX)
    record({ kind: 'broken', part: 'progress', message: `no end in ${PASSES_MAX} passes` });
  else if (!drained) record({ kind: 'broken', part: 'progress', message: 'drain() never resolved' });
  else record({ kind: 'end', load: engine.load() });
  unwatch();
  return history;
}

/** The same decisions, told to the history together with what they were made from. */
function observed(
  policy: Policy,
  clock: SimulatedClock,
  record: (entry: HistoryEntry) => void,
  made: { readonly engine?: Engine },
): Policy {
  let lastMs = -1;
  let atOnce = 0;
  const decide = <S extends SequenceView>(queue: QueueView<S>): Decision<S> => {
    atOnce = clock.nowMs() === lastMs ? atOnce + 1 : 0;
    lastMs = clock.nowMs();
    if (atOnce > DECISIONS_AT_ONCE_MAX) throw new Error('the loop spins without time going by');
    const running = queue.running.map((view) => snapshot(view, 0));
    const jobsMs = longestJobsMs(queue);
    const waiting = queue.waiting.map((view, index) => snapshot(view, jobsMs[index]!));
    const decision = policy.decide(queue);
    record({
      kind: 'decide',
      running,
      waiting,
      slotsFree: queue.slotsFree,
      blocksFree: queue.blocksFree,
      blocksMax: queue.blocksMax,
      load: made.engine?.load(),
      decodes: decision.decodes.map(idOf),
      chunks: decision.chunks.map(({ sequence, tokens }) => ({ id: idOf(sequence), tokens })),
      preempted: decision.preempted.map(idOf),
      executors: decision.executors,
      beside: queue.beside && besideOf(queue.beside),
      predicted: predictedStep(decision, queue),
    });
    return decision;
  };
  return { decide, observe: (step) => policy.observe(step) };
}

function besideOf(beside: SideBySide<SequenceView>): BesideSnapshot {
  const { executors, executorsFree, promptsUnderWay, busy, held, costOn } = beside;
  const step = withChunk(withDecode(noWork, 20), 0, 20);
  return {
    executors,
    executorsFree,
    promptsUnderWay,
    busy: busy.map((view) => snapshot(view, 0)),
    held: held.map(idOf),
    costsMs: Array.from({ length: executors }, (_, index) => costOn(index + 1).predictMs(step)),
  };
}

/** The engine's policies see views of its own sequences; the history wants to know more of them. */
function snapshot(view: SequenceView, jobMsMax: number): SequenceSnapshot {
  const { promptTokens, tokens, computed, blocks, slot, copied, priority, arrivalMs } = view as LiveSequence;
  const copiedTokens = copied?.tokens;
  const { lastTokenMs, objectives, client } = view;
  const known = { id: idOf(view), promptTokens, tokens, computed, blocks, slot, copiedTokens, priority, arrivalMs };
  return { ...known, lastTokenMs, objectives, client, jobMsMax };
}

function idOf(view: SequenceView): string {
  return (view as LiveSequence).request.id;
}

/** Until every promise that can go on has gone on: timers stand still, so only microtasks are left. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** An engine whose loop throws ends its process; here that is one record, and the run goes on without it. */
function watchCrashes(onCrash: (message: string) => void): () => void {
  const others = process.listeners('unhandledRejection');
  const listener = (reason: unknown): void => onCrash(reason instanceof Error ? reason.message : String(reason));
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener);
  return () => {
    process.removeListener('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
  };
}
