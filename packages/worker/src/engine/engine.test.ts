import { createLog, systemClock } from '@sluice/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../service/test-support/manual-clock.js';
import { Engine, PREFILL_TOKENS_MIN } from './engine.js';
import { LiveSequence } from './live-sequence.js';
import type { ModelLimits } from './model-port.js';
import { sampleToken } from './sampling/sampler.js';
import { uniform } from './sampling/uniform.js';
import { createPolicy, policyNames } from './scheduler/policies.js';
import {
  greedySampling,
  priorities,
  type SamplingParams,
  type SequenceEvent,
  type SequenceRequest,
} from './sequence.js';
import { speculationModes } from './speculation/speculation.js';
import type { StepPlan } from './step-plan.js';
import type { StepRecord } from './step-record.js';
import { HashModel, hashRow } from './test-support/hash-model.js';
import { type Outcome, request, start, startWith } from './test-support/outcomes.js';

const log = createLog('test', {});
log.level = 'silent';

describe('Engine', () => {
  it('generates what one sequence alone would get, whatever runs beside it and is guessed', async () => {
    const seen = { tokensDrafted: 0, tokensAccepted: 0 };
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { model, engine, outcomes } = start(history.options, history.limits, undefined, history.policy);
        model.onPass = (pass) => {
          for (const entry of history.entries) if (entry.atPass === pass) submit(entry.request);
          for (const entry of history.entries) if (entry.cancelAtPass === pass) engine.cancel(entry.request.id);
        };
        const submitted = new Set<SequenceRequest>();
        const submit = (request: SequenceRequest): void => {
          if (submitted.has(request)) return;
          submitted.add(request);
          expect(engine.submit(request)).toBeUndefined();
        };
        for (const entry of history.entries) if (entry.atPass === 0) submit(entry.request);
        await outcomes.allEnded();
        // Whoever was to come after the last pass comes now.
        for (const entry of history.entries) submit(entry.request);
        await outcomes.allEnded();
        for (const { request, cancelAtPass } of history.entries) {
          const outcome = outcomes.get(request.id);
          const expected = alone(request, model.limits);
          if (outcome.reason === 'cancelled') {
            expect(cancelAtPass).toBeDefined();
            expect(expected.tokenIds.slice(0, outcome.tokenIds.length)).toEqual(outcome.tokenIds);
          } else {
            expect(outcome).toMatchObject(expected);
          }
        }
        const load = engine.load();
        expect(load).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0, prefillTokensWaiting: 0 });
        seen.tokensDrafted += load.tokensDrafted;
        seen.tokensAccepted += load.tokensAccepted;
        await engine.close();
      }),
      { numRuns: 300 },
    );
    expect(seen.tokensAccepted).toBeGreaterThan(100);
    expect(seen.tokensDrafted).toBeGreaterThan(seen.tokensAccepted + 100);
  });

  it('goes on behind tokens that were generated elsewhere as if it had never stopped', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (history, share) => {
          const { model, engine, outcomes } = start(history.options, history.limits, undefined, history.policy);
          const whole = history.entries.map(({ request }) => alone(request, model.limits));
          const splits = whole.map(({ tokenIds }) => Math.floor(share * tokenIds.length));
          for (const [index, { request }] of history.entries.entries()) {
            const generatedIds = whole[index]!.tokenIds.slice(0, splits[index]);
            outcomes.generatedElsewhere.set(request.id, generatedIds.length);
            expect(engine.submit({ ...request, generatedIds })).toBeUndefined();
          }
          await outcomes.allEnded();
          for (const [index, { request }] of history.entries.entries()) {
            const { reason, tokenIds } = whole[index]!;
            const outcome = outcomes.get(request.id);
            expect(outcome).toMatchObject({ reason, tokenIds: tokenIds.slice(splits[index]) });
          }
          expect(engine.load()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0, prefillTokensWaiting: 0 });
          await engine.close();
        },
      ),
      { numRuns: 100 },
    );
  });

  it('preempts when memory runs out, and still loses and repeats nothing', async () => {
    const records: StepRecord[] = [];
    const { engine, outcomes, model } = start(
      { tokenBudget: 24, kvTokensMax: 64, waitingMax: 10 },
      { slotsMax: 3, contextTokens: 64 },
      (record) => records.push(record),
    );
    const requests = ['a', 'b', 'c'].map((id, index) => request({ id, promptIds: [index, 2, 3, 4], tokensMax: 40 }));
    for (const one of requests) engine.submit(one);
    await outcomes.allEnded();
    for (const one of requests) expect(outcomes.get(one.id)).toMatchObject(alone(one, model.limits));
    expect(records.some((record) => record.preempted > 0)).toBe(true);
    await engine.close();
  });

  it('takes what those submit at once who hear that the last one ended', async () => {
    const { engine, outcomes } = startWith(
      { tokenBudget: 24, kvTokensMax: 256, waitingMax: 10 },
      {
        listener: (events) => {
          outcomes.add(events);
          const isFirst = events.some(({ kind, id }) => kind === 'finished' && id === 'first');
          if (isFirst) expect(engine.submit(request({ id: 'second' }))).toBeUndefined();
        },
      },
    );
    engine.submit(request({ id: 'first' }));
    await outcomes.allEnded();
    expect(outcomes.get('second')).toMatchObject({ reason: 'length', tokenIds: { length: 4 } });
    await engine.close();
  });

  it('keeps every decode going while a long prompt is prefilled', async () => {
    const { engine, outcomes, model } = start({ tokenBudget: 20, kvTokensMax: 256, waitingMax: 10 }, { slotsMax: 4 });
    const plans: StepPlan[] = [];
    model.onPass = (_, plan) => {
      plans.push(plan);
      if (plans.length === 3)
        engine.submit(request({ id: 'long', promptIds: Array.from({ length: 60 }, () => 7), tokensMax: 2 }));
    };
    for (const id of ['a', 'b']) engine.submit(request({ id, promptIds: [1, 2], tokensMax: 12 }));
    await outcomes.allEnded();
    const prefilling = plans.slice(3).filter((plan) => plan.chunks.length > 0);
    expect(prefilling.length).toBe(4);
    for (const plan of prefilling) expect(plan.decodes.length).toBe(2);
    await engine.close();
  });

  it("computes of a chat's next turn only what is new", async () => {
    const { engine, outcomes, model } = start({ tokenBudget: 60, kvTokensMax: 256, waitingMax: 10 }, {});
    const computed: number[] = [];
    model.onPass = (_, plan) => computed.push(...plan.chunks.map((chunk) => chunk.tokenIds.length));
    const first = request({ id: 'first', promptIds: words(30), tokensMax: 3 });
    engine.submit(first);
    await outcomes.allEnded();
    const answer = outcomes.get('first').tokenIds;
    const second = request({ id: 'second', promptIds: [...words(30), ...answer, 9, 8, 7], tokensMax: 3 });
    engine.submit(second);
    expect(engine.load().prefillTokensWaiting).toBe(6);
    await outcomes.allEnded();
    expect(outcomes.get('second')).toEqual({ ...alone(second, model.limits), cachedTokens: 30 });
    // The answer too: its keys and values came from the decode lane.
    expect(computed).toEqual([30, 6]);
    await engine.close();
  });

  it("finds the answer before a chat's next turn where chunks round as decodes", async () => {
    const limits = { chunksRoundAsDecodes: true };
    const { engine, outcomes, model } = start({ tokenBudget: 60, kvTokensMax: 256, waitingMax: 10 }, limits);
    engine.submit(request({ id: 'first', promptIds: words(30), tokensMax: 10 }));
    await outcomes.allEnded();
    const answer = outcomes.get('first').tokenIds;
    const second = request({ id: 'second', promptIds: [...words(30), ...answer, 9, 8, 7], tokensMax: 3 });
    engine.submit(second);
    await outcomes.allEnded();
    // All but the answer's last token, which nobody computed.
    expect(outcomes.get('second')).toEqual({ ...alone(second, model.limits), cachedTokens: 39 });
    await engine.close();
  });

  it('computes what was generated elsewhere in chunks where they round as decodes, and calls none of it cached', async () => {
    const limits = { chunksRoundAsDecodes: true };
    const { engine, outcomes, model } = start({ tokenBudget: 60, kvTokensMax: 256, waitingMax: 10 }, limits);
    const plans: StepPlan[] = [];
    model.onPass = (_, plan) => plans.push(plan);
    const whole = request({ id: 'whole', promptIds: words(20), tokensMax: 30 });
    const { tokenIds } = alone(whole, model.limits);
    outcomes.generatedElsewhere.set('first', 25);
    engine.submit({ ...whole, id: 'first', generatedIds: tokenIds.slice(0, 25) });
    await outcomes.allEnded();
    expect(plans.map(({ decodes, chunks }) => [decodes.length, chunks.length])).toEqual([
      [0, 1],
      ...Array(4).fill([1, 0]),
    ]);
    expect(outcomes.get('first').tokenIds).toEqual(tokenIds.slice(25));
    outcomes.generatedElsewhere.set('second', 25);
    engine.submit({ ...whole, id: 'second', generatedIds: tokenIds.slice(0, 25) });
    await outcomes.allEnded();
    expect(outcomes.get('second')).toMatchObject({ tokenIds: tokenIds.slice(25), cachedTokens: 20 });
    await engine.close();
  });

  it('computes a preempted sequence again in chunks where they round as decodes', async () => {
    const { engine, outcomes, model } = start(
      { tokenBudget: 24, kvTokensMax: 64, waitingMax: 10 },
      { slotsMax: 3, contextTokens: 64, chunksRoundAsDecodes: true },
    );
    const requests = ['a', 'b', 'c'].map((id, index) => request({ id, promptIds: [index, 2, 3, 4], tokensMax: 40 }));
    let again = 0;
    model.onPass = (_, { decodes, chunks }) => {
      again += chunks.filter(({ position, tokenIds }) => position + tokenIds.length > 4).length;
      for (const { position, want } of decodes) if (position > 3) expect(want).toBeDefined();
    };
    for (const one of requests) engine.submit(one);
    await outcomes.allEnded();
    for (const one of requests) expect(outcomes.get(one.id)).toMatchObject(alone(one, model.limits));
    expect(again).toBeGreaterThan(0);
    await engine.close();
  });

  it('starts a prompt with what another one that is still running has computed of it', async () => {
    const { engine, outcomes, model } = start({ tokenBudget: 60, kvTokensMax: 256, waitingMax: 10 }, {});
    const second = request({ id: 'second', promptIds: [...words(25), 9, 8], tokensMax: 3 });
    model.onPass = (pass) => pass === 3 && engine.submit(second);
    engine.submit(request({ id: 'first', promptIds: words(30), tokensMax: 20 }));
    await outcomes.allEnded();
    expect(outcomes.get('second')).toEqual({ ...alone(second, model.limits), cachedTokens: 25 });
    await engine.close();
  });

  it('says of each sequence whether it kept its objectives, its own before the default ones', async () => {
    const ends: SequenceEvent[] = [];
    const model = new HashModel();
    let nowMs = 0;
    // Each pass takes 40 ms: the clock is read before it and after it.
    model.onPass = () => {
      nowMs += 40;
    };
    const clock = { ...systemClock(), nowMs: () => nowMs };
    const listener = (events: readonly SequenceEvent[]): void => {
      ends.push(...events.filter((event) => event.kind === 'finished'));
    };
    const engine = new Engine(
      { tokenBudget: 60, kvTokensMax: 256, waitingMax: 10, objectives: { ttftMs: 40, tbtMs: 39 } },
      { model, policy: createPolicy('sarathi'), clock, log, listener },
    );
    engine.submit(request({ id: 'default' }));
    const terms = { priority: 'normal', ttftMs: 39, tbtMs: 40, client: '' } as const;
    engine.submit(request({ id: 'own', terms }));
    await engine.drain();
    const kept = ends.map(
      (event) => event.kind === 'finished' && [event.id, event.timeliness?.isTtftMet, event.timeliness?.isTbtMet],
    );
    expect(kept).toEqual([
      ['default', true, false],
      ['own', false, true],
    ]);
    await engine.close();
  });

  it('frees the slot of a cancelled sequence within one step', async () => {
    const { engine, outcomes, model } = start({ tokenBudget: 20, kvTokensMax: 64, waitingMax: 10 }, { slotsMax: 1 });
    const slotOwners: number[] = [];
    model.onPass = (pass, plan) => {
      slotOwners.push(plan.chunks[0]?.tokenIds[0] ?? -1);
      if (pass === 3) engine.cancel('a');
    };
    engine.submit(request({ id: 'a', promptIds: [1, 1], tokensMax: 50 }));
    engine.submit(request({ id: 'b', promptIds: [2, 2], tokensMax: 1 }));
    await outcomes.allEnded();
    expect(outcomes.get('a')).toMatchObject({ reason: 'cancelled' });
    expect(slotOwners.slice(3, 5)).toEqual([-1, 2]);
    await engine.close();
  });

  it('fails only the sequences of a pass that fails', async () => {
    const { engine, outcomes, model } = start({ tokenBudget: 20, kvTokensMax: 64, waitingMax: 10 }, { slotsMax: 1 });
    model.failing.add(1);
    engine.submit(request({ id: 'a', promptIds: [1, 1], tokensMax: 5 }));
    engine.submit(request({ id: 'b', promptIds: [2, 2], tokensMax: 5 }));
    await outcomes.allEnded();
    expect(outcomes.get('a')).toMatchObject({ reason: 'engine_failed' });
    expect(outcomes.get('b')).toMatchObject(alone(request({ id: 'b', promptIds: [2, 2], tokensMax: 5 }), model.limits));
    await engine.close();
  });

  it('tidies up its memory once it has had nothing to do for a second, and stops when there is something', async () => {
    const clock = new ManualClock();
    const options = { tokenBudget: 20, kvTokensMax: 256, waitingMax: 10, prefixCache: false };
    const { engine, outcomes, model } = start(options, {}, undefined, 'sarathi', clock);
    const tidied: number[] = [];
    model.release = (slot) => tidied.push(slot);
    model.prepare = (slot) => tidied.push(slot);
    for (const id of ['a', 'b']) engine.submit(request({ id }));
    await outcomes.allEnded();
    clock.advance(999);
    expect(tidied).toEqual([]);
    clock.advance(1);
    expect(tidied).toEqual([0]);
    clock.advance(1_000);
    expect(tidied).toEqual([0, 1]);
    expect(clock.timerCount).toBe(0);
    engine.submit(request({ id: 'c' }));
    await outcomes.allEnded();
    expect(clock.timerCount).toBe(1);
    await engine.close();
    expect(clock.timerCount).toBe(0);
  });

  it('reports the time between two passes, and none across a rest', async () => {
    const clock = new ManualClock();
    const { engine, outcomes, model } = start(
      { tokenBudget: 20, kvTokensMax: 256, waitingMax: 10 },
      {},
      () => clock.advance(3),
      'sarathi',
      clock,
    );
    engine.submit(request({ id: 'a', tokensMax: 5 }));
    await outcomes.allEnded();
    clock.advance(500);
    engine.submit(request({ id: 'b', tokensMax: 5 }));
    await outcomes.allEnded();
    expect(model.passes).toBe(10);
    expect(engine.load()).toMatchObject({ hostGapP50Ms: 3, hostGapP99Ms: 3 });
    await engine.close();
  });

  it("hands out a step's events while the next pass runs", async () => {
    const order: string[] = [];
    const model = new HashModel();
    model.onPass = (pass) => order.push(`pass ${pass}`);
    const engine = new Engine(
      { tokenBudget: 20, kvTokensMax: 64, waitingMax: 10 },
      {
        model,
        policy: createPolicy('sarathi'),
        clock: systemClock(),
        log,
        listener: (events) => order.push(...events.map((e) => e.kind)),
      },
    );
    engine.submit(request({ id: 'a', promptIds: [1, 2], tokensMax: 2 }));
    await engine.drain();
    expect(order).toEqual(['pass 0', 'pass 1', 'token', 'token', 'finished']);
    await engine.close();
  });

  it.each([
    ['an empty prompt', { promptIds: [] }, 'prompt: 0 tokens must be at least 1'],
    [
      'a prompt as long as the context',
      { promptIds: Array(64).fill(1) },
      'prompt: 64 tokens must be at most 63; this model',
    ],
    [
      'more than the memory can ever hold',
      { promptIds: Array(30).fill(1), tokensMax: 30 },
      'prompt: 60 tokens with its output must be at most 48',
    ],
    ['an id in use', { id: 'taken' }, 'request id "taken" is in use'],
  ])('refuses %s at once', async (_, fields, message) => {
    const { engine } = start({ tokenBudget: 20, kvTokensMax: 48, waitingMax: 10 }, {});
    engine.submit(request({ id: 'taken' }));
    expect(engine.submit(request(fields))?.message).toContain(message);
    await engine.close();
  });

  it('bounds its queue and refuses while it drains', async () => {
    const { engine } = start({ tokenBudget: 20, kvTokensMax: 64, waitingMax: 2 }, {});
    for (const id of ['a', 'b']) expect(engine.submit(request({ id }))).toBeUndefined();
    expect(engine.submit(request({ id: 'c' }))?.code).toBe('queue_full');
    const drained = engine.drain();
    expect(engine.submit(request({ id: 'd' }))?.code).toBe('draining');
    await drained;
    await engine.close();
  });

  it('has nothing to drain once it is closed', async () => {
    const { engine } = start({ tokenBudget: 20, kvTokensMax: 64, waitingMax: 2 }, {});
    engine.submit(request({}));
    await engine.close();
    await engine.drain();
    await engine.close();
  });
});

function words(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7) % 23);
}

/** The naive oracle: the whole context is hashed anew for each token. */
function alone(request: SequenceRequest, limits: ModelLimits): Pick<Outcome, 'tokenIds' | 'reason'> {
  const sequence = new LiveSequence(request, limits.contextTokens);
  const tokenIds: number[] = [];
  for (;;) {
    const row = hashRow(sequence.tokenIds, sequence.want, limits.vocabularyCount);
    const draw = uniform(request.sampling.seed, tokenIds.length);
    const tokenId = sampleToken(row, request.sampling, sequence.adjustments, draw);
    tokenIds.push(tokenId);
    sequence.tokenIds.push(tokenId);
    sequence.adjustments?.addGenerated(tokenId);
    if (request.stopTokenIds.has(tokenId)) return { tokenIds, reason: 'stop' };
    if (tokenIds.length === request.tokensMax || sequence.tokens === limits.contextTokens) {
      return { tokenIds, reason: 'length' };
    }
  }
}

const token = fc.integer({ min: 0, max: 23 });

const sampling: fc.Arbitrary<SamplingParams> = fc.oneof(
  fc.constant(greedySampling),
  fc.record({
    temperature: fc.constantFrom(0, 0.5, 1, 1.7),
    topK: fc.constantFrom(0, 1, 3, 20),
    topP: fc.constantFrom(1, 0.9, 0.3),
    minP: fc.constantFrom(0, 0.1),
    repetitionPenalty: fc.constantFrom(1, 1.3),
    presencePenalty: fc.constantFrom(0, 0.7),
    frequencyPenalty: fc.constantFrom(0, 0.4),
    seed: fc.nat(),
    logitBias: fc.constantFrom(new Map(), new Map([[3, 5]])),
  }),
);

/** Half of them begin alike, and so find each other in the prefix cache. */
const prompts = fc.oneof(
  fc.array(token, { minLength: 1, maxLength: 40 }),
  fc
    .record({ shared: fc.integer({ min: 14, max: 35 }), own: fc.array(token, { minLength: 1, maxLength: 5 }) })
    .map(({ shared, own }) => [...words(shared), ...own]),
);

const terms = fc.record({
  priority: fc.constantFrom(...priorities),
  ttftMs: fc.constantFrom(undefined, 1, 1_000),
  tbtMs: fc.constantFrom(undefined, 1, 1_000),
  client: fc.constantFrom('', 'a'),
});

const histories = fc
  .record({
    policy: fc.constantFrom(...policyNames),
    slotsMax: fc.integer({ min: 1, max: 5 }),
    chunksMax: fc.integer({ min: 1, max: 3 }),
    extraBudget: fc.integer({ min: 0, max: 30 }),
    kvTokensMax: fc.integer({ min: 64, max: 200 }),
    prefixCache: fc.boolean(),
    // Of two tokens many a guess is right.
    vocabularyCount: fc.constantFrom(2, 24),
    decodeTokensMax: fc.constantFrom(1, 4, 8),
    chunksRoundAsDecodes: fc.boolean(),
    speculation: fc.constantFrom(...speculationModes),
    entries: fc.array(
      fc.record({
        promptIds: prompts,
        tokensMax: fc.integer({ min: 1, max: 30 }),
        sampling,
        terms,
        stopTokenIds: fc.constantFrom(new Set<number>(), new Set([5]), new Set([1])),
        atPass: fc.integer({ min: 0, max: 12 }),
        cancelAtPass: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(20) }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  })
  .map(
    ({
      policy,
      slotsMax,
      chunksMax,
      extraBudget,
      vocabularyCount,
      decodeTokensMax,
      chunksRoundAsDecodes,
      entries,
      ...options
    }) => ({
      policy,
      limits: { slotsMax, chunksMax, vocabularyCount, decodeTokensMax, chunksRoundAsDecodes },
      options: { ...options, tokenBudget: slotsMax + PREFILL_TOKENS_MIN + extraBudget, waitingMax: 100 },
      entries: entries.map(({ atPass, cancelAtPass, ...fields }, index) => ({
        atPass,
        cancelAtPass,
        request: request({ id: `r${index}`, ...fields }),
      })),
    }),
  );
