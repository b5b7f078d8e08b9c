import { describe, expect, it } from 'vitest';
import { greedySampling, type SequenceRequest } from '../../packages/worker/src/engine/sequence.js';
import { checkHistory } from './check-seed.js';
import { noFaults } from './faults.js';
import { runScenario } from './run-scenario.js';
import type { Scenario } from './scenario.js';
import * as subject from './subject.js';

/**
 * Every history of three requests, up to a bound: each arrives during one of the first passes, one of them is cancelled so
 * many passes later or one pass fails. Memory holds two of them until the middle one has grown, two of them begin alike,
 * and every pass takes a millisecond, so that a number of passes is a moment.
 */
const prompts = { a: counting(20), b: [9, 8, 7, 6], c: [...counting(16), 5] };
const outputTokens = { a: 3, b: 14, c: 2 };
const ids = ['a', 'b', 'c'] as const;
const arrivalPasses = [0, 1, 2, 4, 7];
const cancelPasses = [0, 1, 3, 6];
const failingPasses = [1, 3, 6];

describe('every small history', () => {
  it.each(['slo', 'sarathi', 'mlfq'])('keeps every promise under %s', { timeout: 60_000 }, async (policy) => {
    let runs = 0;
    for (const scenario of scenarios()) {
      const violations = checkHistory(await runScenario(scenario, policy, subject), scenario, policy);
      if (violations.length > 0) {
        const { requests, cancels, failingPasses: failing } = scenario;
        const arrivals = requests.map(({ atMs, request }) => `${request.id} at ${atMs}`).join(', ');
        const others = `cancels ${JSON.stringify(cancels)}, failing passes ${[...failing].join()}`;
        expect.fail(`${arrivals}, ${others}: ${JSON.stringify(violations)}`);
      }
      runs += 1;
    }
    expect(runs).toBe(arrivalPasses.length ** 3 * (1 + ids.length * cancelPasses.length + failingPasses.length));
  });
});

function* scenarios(): Generator<Scenario> {
  for (const a of arrivalPasses) {
    for (const b of arrivalPasses) {
      for (const c of arrivalPasses) {
        const arrivals = { a, b, c };
        yield scenario(arrivals, [], []);
        for (const id of ids) {
          for (const later of cancelPasses) yield scenario(arrivals, [{ id, pass: arrivals[id] + later }], []);
        }
        for (const pass of failingPasses) yield scenario(arrivals, [], [pass]);
      }
    }
  }
}

function scenario(
  arrivals: Readonly<Record<(typeof ids)[number], number>>,
  cancels: readonly { readonly id: string; readonly pass: number }[],
  failing: readonly number[],
): Scenario {
  return {
    seed: 0,
    limits: {
      vocabularyCount: 24,
      slotsMax: 3,
      contextTokens: 32,
      stepTokensMax: 19,
      chunksMax: 2,
      chunkBlockTokens: 8,
      wantedRowsMax: 5,
    },
    options: { tokenBudget: 19, kvTokensMax: 64, waitingMax: 3 },
    requests: ids.map((id) => ({ atMs: arrivals[id] + 0.5, request: request(id) })),
    // A hair behind the arrival of the same moment.
    cancels: cancels.map(({ id, pass }) => ({ id, atMs: pass + 0.6 })),
    failingPasses: new Set(failing),
    hangingPasses: new Set(),
    drainAtMs: undefined,
    cost: { baseMs: 1, tokenMs: 0, pairMs: 0, jitterRatio: 0 },
    faults: noFaults,
  };
}

function request(id: (typeof ids)[number]): SequenceRequest {
  return {
    id,
    promptIds: prompts[id],
    tokensMax: outputTokens[id],
    sampling: greedySampling,
    stopTokenIds: new Set(),
    logprobsTop: undefined,
  };
}

function counting(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
