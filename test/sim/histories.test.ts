import { describe, expect, it } from 'vitest';
import { greedySampling, type SequenceRequest } from '../../packages/worker/src/engine/sequence.js';
import { checkHistory } from './check-seed.js';
import { noFaults } from './faults.js';
import { runScenario } from './run-scenario.js';
import type { Scenario } from './scenario.js';
import * as subject from './subject.js';

/**
 * Every history of three requests, up to a bound: each arrives during one of the first passes, one of them is cancelled so
 * many passes later or one pass fails. Two of them begin alike, and every pass takes a millisecond, so that a number of
 * passes is a moment.
 */
interface Family {
  readonly name: string;
  readonly prompts: Readonly<Record<Id, readonly number[]>>;
  readonly outputTokens: Readonly<Record<Id, number>>;
  readonly kvTokensMax: number;
  readonly swapBytesMax: number;
  readonly arrivalPasses: readonly number[];
  /** Passes behind its arrival in which a request is cancelled. */
  readonly cancelPasses: readonly number[];
  readonly failingPasses: readonly number[];
  /** How those go that lose their memory; undefined: nobody does. */
  readonly preempted: 'preemptionsCopied' | 'preemptionsRecomputed' | undefined;
}

type Id = (typeof ids)[number];

const ids = ['a', 'b', 'c'] as const;

const roomy: Family = {
  name: 'memory for two until one has grown',
  prompts: { a: counting(20), b: [9, 8, 7, 6], c: [...counting(16), 5] },
  outputTokens: { a: 3, b: 14, c: 2 },
  kvTokensMax: 64,
  swapBytesMax: 0,
  arrivalPasses: [0, 1, 2, 4, 7],
  cancelPasses: [0, 1, 3, 6],
  failingPasses: [1, 3, 6],
  preempted: undefined,
};

/** Two grow by two blocks each, and one is kept free for each of them: sooner or later one has to go. */
const tight: Family = {
  ...roomy,
  name: 'memory that two outgrow, computed again',
  prompts: { a: counting(14), b: [9, 8, 7, 6], c: [...counting(10), 5] },
  outputTokens: { a: 34, b: 34, c: 3 },
  kvTokensMax: 80,
  arrivalPasses: [0, 2, 7],
  cancelPasses: [1, 16, 24, 30],
  failingPasses: [6, 20, 28],
  preempted: 'preemptionsRecomputed',
};

const families: readonly Family[] = [
  roomy,
  tight,
  { ...tight, name: 'memory that two outgrow, copied out', swapBytesMax: 1_000, preempted: 'preemptionsCopied' },
];

describe.each(families)('every small history with $name', (family) => {
  it.each(['slo', 'sarathi', 'mlfq'])('keeps every promise under %s', { timeout: 60_000 }, async (policy) => {
    const { arrivalPasses, cancelPasses, failingPasses, preempted } = family;
    let runs = 0;
    let preemptions = 0;
    for (const scenario of scenarios(family)) {
      const history = await runScenario(scenario, policy, subject);
      const violations = checkHistory(history, scenario, policy);
      if (violations.length > 0) {
        const { requests, cancels, failingPasses: failing } = scenario;
        const arrivals = requests.map(({ atMs, request }) => `${request.id} at ${atMs}`).join(', ');
        const others = `cancels ${JSON.stringify(cancels)}, failing passes ${[...failing].join()}`;
        expect.fail(`${arrivals}, ${others}: ${JSON.stringify(violations)}`);
      }
      const end = history.at(-1);
      if (end?.kind === 'end' && preempted !== undefined) preemptions += end.load[preempted];
      runs += 1;
    }
    expect(runs).toBe(arrivalPasses.length ** 3 * (1 + ids.length * cancelPasses.length + failingPasses.length));
    expect(preemptions > 0, 'whether the memory was ever too small').toBe(preempted !== undefined);
  });
});

function* scenarios(family: Family): Generator<Scenario> {
  const { arrivalPasses, cancelPasses, failingPasses } = family;
  for (const a of arrivalPasses) {
    for (const b of arrivalPasses) {
      for (const c of arrivalPasses) {
        const arrivals = { a, b, c };
        yield scenario(family, arrivals, [], []);
        for (const id of ids) {
          for (const later of cancelPasses) yield scenario(family, arrivals, [{ id, pass: arrivals[id] + later }], []);
        }
        for (const pass of failingPasses) yield scenario(family, arrivals, [], [pass]);
      }
    }
  }
}

function scenario(
  { prompts, outputTokens, kvTokensMax, swapBytesMax }: Family,
  arrivals: Readonly<Record<Id, number>>,
  cancels: readonly { readonly id: string; readonly pass: number }[],
  failing: readonly number[],
): Scenario {
  return {
    seed: 0,
    executors: 1,
    executorsOpenAtPass: 0,
    limits: {
      vocabularyCount: 24,
      slotsMax: 3,
      contextTokens: 64,
      stepTokensMax: 19,
      chunksMax: 2,
      chunkBlockTokens: 8,
      decodeTokensMax: 1,
      wantedRowsMax: 5,
    },
    options: { tokenBudget: 19, kvTokensMax, swapBytesMax, waitingMax: 3 },
    requests: ids.map((id) => ({ atMs: arrivals[id] + 0.5, request: request(id, prompts[id], outputTokens[id]) })),
    // A hair behind the arrival of the same moment.
    cancels: cancels.map(({ id, pass }) => ({ id, atMs: pass + 0.6 })),
    failingPasses: new Set(failing),
    hangingPasses: new Set(),
    drainAtMs: undefined,
    cost: { baseMs: 1, tokenMs: 0, pairMs: 0, jitterRatio: 0 },
    faults: noFaults,
  };
}

function request(id: Id, promptIds: readonly number[], tokensMax: number): SequenceRequest {
  return {
    id,
    promptIds,
    tokensMax,
    sampling: greedySampling,
    stopTokenIds: new Set(),
    logprobsTop: undefined,
  };
}

function counting(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
