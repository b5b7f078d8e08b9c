import { createLog, systemClock } from '@sluice/shared';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Engine, PREFILL_TOKENS_MIN } from '../engine/engine.js';
import type { ModelPort } from '../engine/model-port.js';
import { createPolicy, type PolicyName } from '../engine/scheduler/policies.js';
import type { Policy } from '../engine/scheduler/policy.js';
import { sharingMachine } from '../engine/scheduler/test-support/queues.js';
import { defaultTerms, greedySampling, type SequenceRequest } from '../engine/sequence.js';
import type { StepRecord } from '../engine/step-record.js';
import { LaneModel } from './lane-model.js';
import { largestIndex, referenceLogits } from './reference.js';
import { type CompiledTinyModel, TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels, ownKernels } from './test-support/each-kernels.js';

const log = createLog('test', {});
log.level = 'silent';

const CONTEXT_TOKENS = 96;
/** Likelier tokens than this, by logit, must not be passed over: 32-bit floats round where the reference does not. */
const TIE_TOLERANCE = 1e-3;

const folder = new TinyModelFolder();
const models = new Map<string, LaneModel>();
afterAll(async () => {
  for (const model of models.values()) model.close();
  await folder.remove();
});

describe.each(eachKernels)('Engine over LaneModel on $kernels kernels', (kernels) => {
  it("generates the reference's tokens on every batching, chunking, cancel and preemption", async () => {
    const tiny = await folder.compile(5, 'f32', { contextTokens: 128 }, kernels);
    const seen = { preempted: 0, cancelled: 0, mixed: 0, copies: 0, comebacks: 0, guessed: 0, right: 0 };
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { outcomes, records, copies, comebacks, load } = await play(modelOf(tiny, history), history);
        for (const { request, cancelAtPass } of history.entries) {
          const outcome = outcomes.get(request.id)!;
          expectGreedy(tiny, request, outcome.tokenIds);
          if (outcome.reason === 'cancelled') expect(cancelAtPass).toBeDefined();
          else expect(outcome).toMatchObject({ reason: 'length', tokenIds: { length: request.tokensMax } });
          seen.cancelled += outcome.reason === 'cancelled' ? 1 : 0;
        }
        seen.copies += copies;
        seen.comebacks += comebacks;
        seen.guessed += load.tokensDrafted;
        seen.right += load.tokensAccepted;
        for (const { preempted, decodes, prefillTokens } of records) {
          seen.preempted += preempted;
          seen.mixed += decodes > 0 && prefillTokens > 0 ? 1 : 0;
        }
      }),
      { numRuns: 100 },
    );
    // What the histories are there for did happen.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  }, 120_000);

  it('gives the same bits whether prompts go one after the other or side by side, in slices that end together', async () => {
    const tiny = await folder.compile(5, 'f32', { contextTokens: 128 }, kernels);
    const abreast = { even: 0, inTurn: 0 };
    await fc.assert(
      fc.asyncProperty(crowds, async (history) => {
        const even = await play(modelOf(tiny, history), history);
        const wide = { ...history, isNarrow: false };
        const inTurn = await play(modelOf(tiny, wide), wide);
        expect(even.outcomes).toEqual(inTurn.outcomes);
        for (const { request } of history.entries) {
          expectGreedy(tiny, request, even.outcomes.get(request.id)!.tokenIds);
        }
        abreast.even += even.abreast;
        abreast.inTurn += inTurn.abreast;
      }),
      { numRuns: 10 },
    );
    expect(abreast.even).toBeGreaterThan(5 + 2 * abreast.inTurn);
  }, 60_000);

  it('gives the bits of each request alone where prompts go beside streams, in passes of their own', async () => {
    const tiny = await folder.compile(5, 'f32', { contextTokens: 128 }, kernels);
    const seen = { beside: 0, cancelled: 0 };
    await fc.assert(
      fc.asyncProperty(pressedHistories, async (history) => {
        const model = modelOf(tiny, history);
        await model.openRest();
        const { outcomes, beside } = await play(model, history);
        for (const entry of history.entries) {
          const { id } = entry.request;
          const lone = { ...history, isNarrow: false, entries: [{ ...entry, atPass: 0, cancelAtPass: undefined }] };
          const alone = (await play(modelOf(tiny, lone), lone)).outcomes.get(id)!;
          const outcome = outcomes.get(id)!;
          const count = outcome.tokenIds.length;
          expect(outcome.tokenIds).toEqual(alone.tokenIds.slice(0, count));
          expect(outcome.logprobs).toEqual(alone.logprobs.slice(0, count));
          if (outcome.reason === 'cancelled') expect(entry.cancelAtPass).toBeDefined();
          else expect(outcome).toEqual(alone);
          seen.cancelled += outcome.reason === 'cancelled' ? 1 : 0;
        }
        seen.beside += beside;
      }),
      { numRuns: 25 },
    );
    expect(seen.beside).toBeGreaterThan(50);
    expect(seen.cancelled).toBeGreaterThan(0);
  }, 60_000);
});

const forms = [
  ...eachKernels.map((kernels) => ({ ...kernels, weights: 'f32', kv: 'q8' }) as const),
  // What was generated is computed again in chunks there.
  ...(ownKernels === undefined ? [] : ([{ ...ownKernels, weights: 'w8a8', kv: 'f16' }] as const)),
];

describe.each(forms)('Engine over LaneModel in $weights, keys and values in $kv, on $kernels kernels', (form) => {
  it('gives the bits of each request alone, whatever was in its slot before or is copied to it', async () => {
    const { weights, ...graphs } = form;
    const tiny = await folder.compile(5, weights, { contextTokens: 128 }, graphs);
    let copied = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (drawn) => {
        const entries = drawn.entries.map(({ request, ...times }) => ({
          ...times,
          request: { ...request, logprobsTop: 1 },
        }));
        const { outcomes, copies } = await play(modelOf(tiny, drawn), { ...drawn, entries });
        for (const entry of entries) {
          const { id } = entry.request;
          const lone = { ...drawn, isNarrow: false, entries: [{ ...entry, atPass: 0, cancelAtPass: undefined }] };
          const alone = (await play(modelOf(tiny, lone), lone)).outcomes.get(id)!;
          const { tokenIds, logprobs } = outcomes.get(id)!;
          expect(tokenIds).toEqual(alone.tokenIds.slice(0, tokenIds.length));
          expect(logprobs).toEqual(alone.logprobs.slice(0, tokenIds.length));
        }
        copied += copies;
      }),
      { numRuns: 25 },
    );
    expect(copied).toBeGreaterThan(0);
  }, 60_000);
});

describe.runIf(ownKernels !== undefined)('Engine over LaneModel in w8a8 on own kernels', () => {
  it('finds the answer before the next turn, with the bits that it would compute', async () => {
    const tiny = await folder.compile(5, 'w8a8', { contextTokens: 128 }, ownKernels);
    const settings = { slots: 2, isNarrow: false, policy: 'slo', tokenBudget: 64, kvTokensMax: 192 } as const;
    const turn = (promptIds: readonly number[], index: number): Entry =>
      entryOf({ promptIds, tokensMax: 20, logprobsTop: 1, atPass: 40 * index, cancelAtPass: undefined }, index);
    const playTurns = (entries: readonly Entry[]) => {
      const history = { ...settings, entries };
      return play(modelOf(tiny, history), history);
    };
    const prompt = Array.from({ length: 30 }, (_, index) => (index * 37 + 5) % 288);
    const first = turn(prompt, 0);
    const { tokenIds } = (await playTurns([first])).outcomes.get(first.request.id)!;
    const second = turn([...prompt, ...tokenIds, 7, 8, 9], 1);
    const { outcomes, records } = await playTurns([first, second]);
    const alone = await playTurns([{ ...second, atPass: 0 }]);
    expect(outcomes.get(second.request.id)).toEqual(alone.outcomes.get(second.request.id));
    // Of the second only the answer's last token, which nobody has computed, and what is new.
    expect(records.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0)).toBe(30 + 4);
  });
});

interface Entry {
  readonly request: SequenceRequest;
  readonly atPass: number;
  readonly cancelAtPass: number | undefined;
}

interface History {
  readonly slots: number;
  /** Whether passes are shared out among executors, and prompts among slices that end together. */
  readonly isNarrow: boolean;
  readonly policy: PolicyName;
  readonly tokenBudget: number;
  readonly kvTokensMax: number;
  readonly entries: readonly Entry[];
}

interface Outcome {
  readonly tokenIds: number[];
  readonly logprobs: (number | undefined)[];
  reason?: string;
}

/** Runs a history; requests and cancels come while the pass of their number runs. */
async function play(model: ModelPort, { policy, tokenBudget, kvTokensMax, entries }: History) {
  const outcomes = new Map(
    entries.map(({ request }): [string, Outcome] => [request.id, { tokenIds: [], logprobs: [] }]),
  );
  const records: StepRecord[] = [];
  /** Steps in which two prompts had slices of about the same length, and the first was not done. */
  let abreast = 0;
  /** Passes that began while another one ran. */
  let beside = 0;
  let underWay = 0;
  let copies = 0;
  let comebacks = 0;
  let wake = (): void => {};
  let pass = 0;
  const act = (): void => {
    for (const { request, atPass } of entries) if (atPass === pass) expect(engine.submit(request)).toBeUndefined();
    for (const { request, cancelAtPass } of entries) if (cancelAtPass === pass) engine.cancel(request.id);
    pass += 1;
  };
  const watched: ModelPort = {
    limits: model.limits,
    get executors() {
      return model.executors ?? 1;
    },
    forward: (plan, executors) => {
      const [first, second] = plan.chunks;
      if (first?.wantTokens === 0 && second !== undefined) {
        abreast += Math.abs(first.tokenIds.length - second.tokenIds.length) <= 2 ? 1 : 0;
      }
      const output = model.forward(plan, executors);
      beside += underWay > 0 ? 1 : 0;
      underWay += 1;
      act();
      return output.finally(() => {
        underWay -= 1;
      });
    },
    stop: (plan) => model.stop(plan),
    copy: (from, to, tokens) => {
      copies += 1;
      model.copy(from, to, tokens);
    },
    copyBytes: (tokens) => model.copyBytes(tokens),
    copyOut: (slot, tokens) => model.copyOut(slot, tokens),
    copyIn: (slot, copied) => {
      comebacks += 1;
      model.copyIn(slot, copied);
    },
    prepare: (slot, tokens) => model.prepare(slot, tokens),
    release: (slot, fromToken) => model.release(slot, fromToken),
    close: () => {},
  };
  const engine = new Engine(
    // Room for some that lose their memory, so that others are computed again.
    { tokenBudget, kvTokensMax, waitingMax: 100, swapBytesMax: model.copyBytes(60), speculation: 'ngram' },
    {
      model: watched,
      policy: sharing(createPolicy(policy), model.limits.chunksAbreast),
      clock: systemClock(),
      log,
      onStep: (record) => records.push(record),
      listener: (events) => {
        for (const event of events) {
          const outcome = outcomes.get(event.id)!;
          if (event.kind === 'token') {
            outcome.tokenIds.push(event.tokenId);
            outcome.logprobs.push(event.logprobs?.logprob);
          }
          if (event.kind === 'finished') outcome.reason = event.reason;
          else if (event.kind === 'failed') outcome.reason = event.error.code;
        }
        wake();
      },
    },
  );
  act();
  for (;;) {
    while (engine.load().running + engine.load().waiting > 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    // Nobody runs, so the passes that the next ones wait for would never come.
    if (entries.every(({ atPass }) => atPass < pass)) break;
    act();
  }
  await engine.close();
  expect(engine.load().swapBytesUsed).toBe(0);
  return { outcomes, records, abreast, beside, copies, comebacks, load: engine.load() };
}

function modelOf(tiny: CompiledTinyModel, { slots, isNarrow }: History): LaneModel {
  const { kernels, kv, weightMode } = tiny.files;
  const key = `${kernels} ${kv} ${weightMode} ${slots} ${isNarrow}`;
  const executors = isNarrow ? ({ threads: 2, executors: 'narrow' } as const) : { threads: 1 };
  const model =
    models.get(key) ??
    new LaneModel(tiny.files, {
      ...tiny.library,
      ...executors,
      slots,
      contextTokens: CONTEXT_TOKENS,
      stepTokensMax: 64,
    });
  models.set(key, model);
  return model;
}

/** The same, which takes it that two prompts side by side take little time, whatever the clock says of so small a model. */
function sharing(policy: Policy, chunksAbreast = 1): Policy {
  const cost = sharingMachine(chunksAbreast);
  return {
    decide: ({ beside, ...queue }) =>
      policy.decide({ ...queue, cost, ...(beside === undefined ? {} : { beside: { ...beside, costOn: () => cost } }) }),
    observe: (step) => policy.observe(step),
  };
}

/** Each token is the likeliest of the reference after all before it, or as likely but for rounding. */
function expectGreedy(tiny: CompiledTinyModel, { promptIds }: SequenceRequest, tokenIds: readonly number[]): void {
  if (tokenIds.length === 0) return;
  const rows = referenceLogits(tiny.weights, tiny.config, [...promptIds, ...tokenIds.slice(0, -1)]);
  for (const [index, tokenId] of tokenIds.entries()) {
    const logits = rows[promptIds.length - 1 + index]!;
    expect(logits[tokenId]!).toBeGreaterThan(logits[largestIndex(logits)]! - TIE_TOLERANCE);
  }
}

/** Prompts that often begin alike, so that cached ones are found. */
const prompts = fc
  .record({ stem: fc.nat(2), stemTokens: fc.nat(40), own: fc.array(fc.nat(287), { minLength: 1, maxLength: 20 }) })
  .map(({ stem, stemTokens, own }) => [
    ...Array.from({ length: stemTokens }, (_, index) => (stem * 71 + index * 37 + 5) % 288),
    ...own,
  ]);

const histories: fc.Arbitrary<History> = fc
  .record({
    slots: fc.constantFrom(1, 2, 3, 4, 4),
    isNarrow: fc.boolean(),
    policy: fc.constantFrom<PolicyName>('sarathi', 'slo'),
    extraBudget: fc.integer({ min: 0, max: 40 }),
    // From room for one sequence to room for most of them.
    kvTokensMax: fc.oneof(fc.constant(CONTEXT_TOKENS), fc.integer({ min: CONTEXT_TOKENS, max: 200 })),
    entries: fc.array(
      fc.record({
        promptIds: prompts,
        tokensMax: fc.integer({ min: 1, max: 35 }),
        atPass: fc.nat(6),
        cancelAtPass: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(20) }),
      }),
      { minLength: 2, maxLength: 8, size: 'max' },
    ),
  })
  .map(({ extraBudget, entries, ...rest }) => ({
    ...rest,
    tokenBudget: rest.slots + PREFILL_TOKENS_MIN + extraBudget,
    entries: entries.map((entry, index) => entryOf({ ...entry, logprobsTop: undefined }, index)),
  }));

/** Prompts of several slices that come while others stream, which have so little time that nobody may hold them up. */
const pressedHistories: fc.Arbitrary<History> = fc
  .record({
    slots: fc.constantFrom(3, 4),
    kvTokensMax: fc.oneof(fc.constant(4 * CONTEXT_TOKENS), fc.integer({ min: 150, max: 250 })),
    entries: fc.array(
      fc.record({
        promptIds: prompts,
        tokensMax: fc.integer({ min: 8, max: 30 }),
        atPass: fc.nat(20),
        cancelAtPass: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(40) }),
        tbtMs: fc.integer({ min: 1, max: 5 }),
      }),
      { minLength: 4, maxLength: 9, size: 'max' },
    ),
  })
  .map(({ slots, kvTokensMax, entries }) => ({
    slots,
    isNarrow: true,
    policy: 'slo',
    tokenBudget: slots + PREFILL_TOKENS_MIN + 20,
    kvTokensMax,
    entries: entries.map(({ tbtMs, ...entry }, index) => {
      const { request, ...times } = entryOf({ ...entry, logprobsTop: 1 }, index);
      return { ...times, request: { ...request, terms: { ...defaultTerms, tbtMs } } };
    }),
  }));

/** Several long prompts that have nothing in common, beside a few that stream. */
const crowds: fc.Arbitrary<History> = fc
  .record({
    policy: fc.constantFrom<PolicyName>('sarathi', 'slo'),
    extraBudget: fc.integer({ min: 16, max: 40 }),
    entries: fc.array(
      fc.record({
        promptIds: fc.array(fc.nat(287), { minLength: 50, maxLength: 80, size: 'max' }),
        tokensMax: fc.integer({ min: 1, max: 12 }),
        atPass: fc.nat(2),
      }),
      { minLength: 5, maxLength: 8, size: 'max' },
    ),
  })
  .map(({ policy, extraBudget, entries }) => ({
    policy,
    slots: 4,
    isNarrow: true,
    kvTokensMax: 4 * CONTEXT_TOKENS,
    tokenBudget: 4 + PREFILL_TOKENS_MIN + extraBudget,
    entries: entries.map((entry, index) => entryOf({ ...entry, logprobsTop: 1, cancelAtPass: undefined }, index)),
  }));

type DrawnEntry = Omit<Entry, 'request'> & Pick<SequenceRequest, 'promptIds' | 'tokensMax' | 'logprobsTop'>;

function entryOf({ promptIds, tokensMax, logprobsTop, ...times }: DrawnEntry, index: number): Entry {
  const request = {
    id: `r${index}`,
    promptIds,
    tokensMax,
    sampling: greedySampling,
    stopTokenIds: new Set<number>(),
    logprobsTop,
  };
  return { ...times, request };
}
