import { createLog, systemClock } from '@sluice/shared';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Engine, PREFILL_TOKENS_MIN } from '../engine/engine.js';
import type { ModelPort } from '../engine/model-port.js';
import { createPolicy } from '../engine/scheduler/policies.js';
import { greedySampling, type SequenceRequest } from '../engine/sequence.js';
import type { StepRecord } from '../engine/step-record.js';
import { LaneModel } from './lane-model.js';
import { largestIndex, referenceLogits } from './reference.js';
import { type CompiledTinyModel, TinyModelFolder } from './test-support/compiled-tiny-model.js';

const log = createLog('test', {});
log.level = 'silent';

const CONTEXT_TOKENS = 96;
/** Likelier tokens than this, by logit, must not be passed over: 32-bit floats round where the reference does not. */
const TIE_TOLERANCE = 1e-3;

const folder = new TinyModelFolder();
const models = new Map<number, LaneModel>();
afterAll(async () => {
  for (const model of models.values()) model.close();
  await folder.remove();
});

describe('Engine over LaneModel', () => {
  it("generates the reference's tokens on every batching, chunking, cancel and preemption", async () => {
    const tiny = await folder.compile(5, 'f32', { contextTokens: 128 });
    const seen = { preempted: 0, cancelled: 0, mixed: 0, copies: 0, comebacks: 0, guessed: 0, right: 0 };
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { outcomes, records, copies, comebacks, load } = await play(modelOf(tiny, history.slots), history);
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
      { numRuns: 40 },
    );
    // What the histories are there for did happen.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  }, 60_000);
});

interface Entry {
  readonly request: SequenceRequest;
  readonly atPass: number;
  readonly cancelAtPass: number | undefined;
}

interface History {
  readonly slots: number;
  readonly tokenBudget: number;
  readonly kvTokensMax: number;
  readonly entries: readonly Entry[];
}

interface Outcome {
  readonly tokenIds: number[];
  reason?: string;
}

/** Runs a history; requests and cancels come while the pass of their number runs. */
async function play(model: ModelPort, { tokenBudget, kvTokensMax, entries }: History) {
  const outcomes = new Map(entries.map(({ request }): [string, Outcome] => [request.id, { tokenIds: [] }]));
  const records: StepRecord[] = [];
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
    forward: (plan) => {
      const output = model.forward(plan);
      act();
      return output;
    },
    stop: () => model.stop(),
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
    release: (slot, fromToken) => model.release(slot, fromToken),
    close: () => {},
  };
  const engine = new Engine(
    // Room for some that lose their memory, so that others are computed again.
    { tokenBudget, kvTokensMax, waitingMax: 100, swapBytesMax: model.copyBytes(60), speculation: 'ngram' },
    {
      model: watched,
      policy: createPolicy('sarathi'),
      clock: systemClock(),
      log,
      onStep: (record) => records.push(record),
      listener: (events) => {
        for (const event of events) {
          const outcome = outcomes.get(event.id)!;
          if (event.kind === 'token') outcome.tokenIds.push(event.tokenId);
          else if (event.kind === 'finished') outcome.reason = event.reason;
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
  return { outcomes, records, copies, comebacks, load: engine.load() };
}

function modelOf(tiny: CompiledTinyModel, slots: number): LaneModel {
  const model =
    models.get(slots) ??
    new LaneModel(tiny.files, { slots, contextTokens: CONTEXT_TOKENS, stepTokensMax: 64, threads: 1 });
  models.set(slots, model);
  return model;
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
  .map(({ slots, extraBudget, kvTokensMax, entries }) => ({
    slots,
    kvTokensMax,
    tokenBudget: slots + PREFILL_TOKENS_MIN + extraBudget,
    entries: entries.map(({ promptIds, tokensMax, ...times }, index) => ({
      ...times,
      request: {
        id: `r${index}`,
        promptIds,
        tokensMax,
        sampling: greedySampling,
        stopTokenIds: new Set<number>(),
        logprobsTop: undefined,
      },
    })),
  }));
