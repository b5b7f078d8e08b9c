import { describe, expect, it } from 'vitest';
import { ParentSiblings } from '../../packages/cli/src/processes/parent-siblings.js';
import { asProcessMessage } from '../../packages/cli/src/processes/process-messages.js';
import { Switchboard } from '../../packages/cli/src/processes/switchboard.js';
import type { Clock } from '../../packages/shared/src/index.js';
import { limitStoreContract } from '../../packages/store/src/limit-store.contract.js';
import { memoryStore } from '../../packages/store/src/memory-store.js';
import { PassingClock } from '../../packages/store/src/test-support/passing-clock.js';

// The limits of a gateway's processes, which their parent counts.

const deaf = { metrics: async () => [], isReady: true, changeWorkers: () => {} };

/** A process behind a parent, with messages as they come out of a channel. */
function processOf(switchboard: Switchboard, clock: Clock): ParentSiblings {
  const member = { tell: (message: object) => siblings.hear(structuredClone(message), deaf) };
  const siblings: ParentSiblings = new ParentSiblings({
    send: async (message) => switchboard.hear(member, asProcessMessage(structuredClone(message))),
    clock,
    others: 1,
  });
  switchboard.join(member);
  return siblings;
}

limitStoreContract('ParentSiblings', async () => {
  const clock = new PassingClock();
  const switchboard = new Switchboard({ limits: memoryStore(clock).limits, clock });
  return {
    store: { ...memoryStore(clock), limits: processOf(switchboard, clock).limits },
    pass: async (ms) => clock.pass(ms),
  };
});

describe('Limits of several processes', () => {
  const claim = { name: 'key:requests', amount: 3, amountMax: 4, windowMs: 60_000 };

  it('are those of one, whichever process is asked', async () => {
    const clock = new PassingClock();
    const switchboard = new Switchboard({ limits: memoryStore(clock).limits, clock });
    const [one, two] = [processOf(switchboard, clock), processOf(switchboard, clock)];
    expect(await one.limits.reserve([claim])).toMatchObject({ kind: 'granted', isLocal: false });
    expect(await two.limits.reserve([claim])).toMatchObject({ kind: 'refused', name: claim.name });
    await one.limits.settle([{ ...claim, used: 0, isLocal: false }]);
    expect(await two.limits.reserve([claim])).toMatchObject({ kind: 'granted' });
  });

  it('are counted by each alone while the parent does not answer', async () => {
    const clock = new PassingClock();
    const alone = new ParentSiblings({ send: async () => {}, clock, others: 1 });
    const first = alone.limits.reserve([claim]);
    clock.pass(250);
    expect(await first).toMatchObject({ kind: 'granted', isLocal: true });
    const second = alone.limits.reserve([claim]);
    clock.pass(250);
    expect(await second).toMatchObject({ kind: 'refused', isLocal: true });
  });
});
