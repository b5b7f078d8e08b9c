import { describe, expect, it } from 'vitest';
import { greedySampling, type Priority } from '../../../packages/worker/src/engine/sequence.js';
import { noFaults } from '../faults.js';
import { runScenario } from '../run-scenario.js';
import type { Scenario } from '../scenario.js';
import * as subject from '../subject.js';
import { fairShares } from './fair-shares.js';

const CONTEXT = 96;

describe('fairShares', () => {
  it('allows a client what its batch comes to where those that are left grow into memory that others gave back', async () => {
    // Two of a client grow to half of the memory each; one has to go, and the other has all of it then.
    const crowd = scenario([
      { client: 'a', atMs: 0 },
      { client: 'a', atMs: 0 },
      { client: 'b', atMs: 0 },
      { client: 'b', atMs: 0 },
      { client: 'b', atMs: 120, priority: 'high' },
      { client: 'b', atMs: 120, priority: 'high' },
      { client: 'a', atMs: 0, priority: 'low' },
      { client: 'b', atMs: 0, priority: 'low' },
    ]);
    const history = await runScenario(crowd, 'vtc', subject);
    const end = history.at(-1);
    expect(end?.kind === 'end' && end.load.preemptionsRecomputed).toBeGreaterThan(1);
    expect(fairShares(history, crowd)).toEqual([]);
  });

  it('sees a client that is served and served while another waits', async () => {
    const crowd = scenario([
      ...Array.from({ length: 14 }, () => ({ client: 'a', atMs: 0 })),
      ...Array.from({ length: 2 }, () => ({ client: 'b', atMs: 0 })),
    ]);
    // Which knows of no clients.
    const history = await runScenario(crowd, 'sarathi', subject);
    expect(fairShares(history, crowd)).not.toEqual([]);
  });
});

interface Asking {
  readonly client: string;
  readonly atMs: number;
  readonly priority?: Priority;
}

/** Each has a prompt of two blocks and answers until the memory of six is its own. Every pass takes a millisecond. */
function scenario(requests: readonly Asking[]): Scenario {
  return {
    seed: 0,
    executors: 1,
    executorsOpenAtPass: 0,
    limits: {
      vocabularyCount: 24,
      slotsMax: 2,
      contextTokens: CONTEXT,
      stepTokensMax: 40,
      chunksMax: 2,
      chunkBlockTokens: 8,
      decodeTokensMax: 1,
      wantedRowsMax: 4,
    },
    options: { tokenBudget: 40, kvTokensMax: CONTEXT, swapBytesMax: 0, waitingMax: 20, prefixCache: false },
    requests: requests.map(({ client, atMs, priority = 'normal' }, index) => ({
      atMs: atMs + 0.5,
      request: {
        id: `r${index}`,
        promptIds: Array.from({ length: 17 }, (_, at) => (index + at) % 24),
        tokensMax: client === 'b' ? 60 : 79,
        sampling: greedySampling,
        stopTokenIds: new Set(),
        logprobsTop: undefined,
        terms: { priority, ttftMs: undefined, tbtMs: undefined, client },
      },
    })),
    cancels: [],
    failingPasses: new Set(),
    hangingPasses: new Set(),
    drainAtMs: undefined,
    cost: { baseMs: 1, tokenMs: 0, pairMs: 0, jitterRatio: 0 },
    faults: noFaults,
  };
}
