import { type LaneModel, type PolicyName, type StepPlan, type StepWork, wantBest } from '@sluice/worker';
import { fitCost, type Measured, measurePasses } from '../simulate/calibrate.js';
import { type LinearCost, linearMachine, linearPassMs, type Machine } from '../simulate/machine.js';
import { quantile } from '../simulate/samples.js';
import { drawArrivals } from '../simulate/trace.js';
import { type CapacitySettings, SLOTS, traceOf } from './capacity-settings.js';
import { type LoadSteps, runLoadSteps } from './load-steps.js';
import { largestBudget } from './token-budget.js';

/** Sarathi-Serve's objectives in decode iterations (Agrawal et al., OSDI 2024, section 5). */
const STRICT_ITERATIONS = 5;
const RELAXED_ITERATIONS = 25;

export interface MeasuredMachine {
  /** What the simulator knows of this machine, with the objectives and budgets that the real trials have too. */
  readonly machine: Machine & Required<Pick<Machine, 'objectives'>>;
  /** A decode of 32 rows, each in the middle of the lengths' scale. */
  readonly decodeIterationMs: number;
  /** Median of |fitted − measured| / measured over the passes that the cost was fitted to. */
  readonly fitErrorRatio: number;
  /** Median time from the end of a pass to the beginning of the next; part of each simulated step. */
  readonly hostGapMs: number;
  /** Of the engine's steps under load: what they took over what was fitted. Simulated steps draw from them. */
  readonly noiseRatios: readonly number[];
  /** A pass alone, as it was fitted. */
  readonly predictMs: (work: StepWork) => number;
}

const NOISE_MAX = 2;

/** Of the engine under load that the cost is fitted to, with each of two token budgets. */
const LOAD_MS = 5_000;
/** Not those of any trial. */
const LOAD_SEED = 77_777;
const LOAD_REQUESTS = 64;
/** So soon after each other the requests come: more than can be served. */
const LOAD_EVERY_MS = 150;

/**
 * Runs passes of the model, alone and in the engine under load: what objectives, budgets and the simulator are made of.
 * @param settings `quick` runs each half as often.
 */
export async function measureMachine(model: LaneModel, settings: CapacitySettings): Promise<MeasuredMachine> {
  const { scaleTokens, quick } = settings;
  const repeats = quick ? 3 : 7;
  const { slotsMax, contextTokens, stepTokensMax, chunksMax, chunksAbreast } = model.limits;
  await touchSlots(model, scaleTokens);
  const decodeIterationMs = await measureDecode(model, scaleTokens >> 1, 4 * repeats);
  const alone = await measurePasses(model, repeats, scaleTokens);
  const strictMs = STRICT_ITERATIONS * decodeIterationMs;
  const relaxedMs = RELAXED_ITERATIONS * decodeIterationMs;
  const budgetFor = (cost: LinearCost, objectiveMs: number): number =>
    largestBudget((work) => linearPassMs(cost, work), {
      slots: slotsMax,
      contextTokens: scaleTokens,
      stepTokensMax,
      objectiveMs,
    });
  const under = await runUnderLoad(model, settings, budgetFor(fitCost(alone, chunksAbreast), strictMs));
  const measured = [...alone, ...under.steps];
  const cost = fitCost(measured, chunksAbreast);
  const errors = measured.map(({ work, passMs }: Measured) => Math.abs(linearPassMs(cost, work) / passMs - 1));
  const hostGapMs = quantile(under.hostGapsMs, 0.5);
  return {
    machine: {
      ...linearMachine({ ...cost, baseMs: cost.baseMs + hostGapMs }, 'calibrated in this run'),
      slotsMax,
      contextTokens,
      // Every slot may be full: what waits never waits for memory, whatever the machine has free.
      kvTokensMax: slotsMax * contextTokens,
      chunksMax,
      tokenBudget: { strict: budgetFor(cost, strictMs), relaxed: budgetFor(cost, relaxedMs) },
      objectives: { strictMs, relaxedMs },
    },
    decodeIterationMs,
    fitErrorRatio: quantile(errors, 0.5),
    hostGapMs,
    noiseRatios: under.steps.map(({ work, passMs }) => clip(passMs / linearPassMs(cost, work))),
    predictMs: (work) => linearPassMs(cost, work),
  };
}

/** A step that was held up by something that will not come again tells nothing. */
function clip(ratio: number): number {
  return Math.min(NOISE_MAX, Math.max(1 / NOISE_MAX, ratio));
}

/** Memory that a slot was never written to is slower the first time; a server that runs for a while has none of it. */
async function touchSlots(model: LaneModel, tokens: number): Promise<void> {
  for (let slot = 1; slot < model.limits.slotsMax; slot++) {
    model.copy(0, slot, tokens);
    await yieldToLoop();
  }
}

function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Steps of many rows and short chunks, and of whole prompts among decodes. */
async function runUnderLoad(model: LaneModel, settings: CapacitySettings, tokenBudget: number): Promise<LoadSteps> {
  const arrivals = drawArrivals(traceOf(settings.traces[0]!), settings.scaleTokens, LOAD_REQUESTS, LOAD_SEED);
  const kvTokensMax = model.limits.slotsMax * model.limits.contextTokens;
  const durationMs = settings.quick ? LOAD_MS : 4 * LOAD_MS;
  const run = (policy: PolicyName): Promise<LoadSteps> =>
    runLoadSteps(model, { policy, tokenBudget, kvTokensMax, tbtMs: 1_000 }, arrivals, LOAD_EVERY_MS, durationMs);
  const chunked = await run('sarathi');
  const whole = await run('hybrid-only');
  return {
    steps: [...chunked.steps, ...whole.steps],
    hostGapsMs: [...chunked.hostGapsMs, ...whole.hostGapsMs],
  };
}

async function measureDecode(model: LaneModel, position: number, repeats: number): Promise<number> {
  const decodes = Array.from({ length: SLOTS }, (_, slot) => ({
    slot,
    tokenIds: [1],
    position,
    want: wantBest,
    wantTokens: 1,
  }));
  const plan: StepPlan = { decodes, chunks: [], resting: [] };
  const times: number[] = [];
  for (let i = -2; i < repeats; i++) {
    const startMs = performance.now();
    await model.forward(plan);
    if (i >= 0) times.push(performance.now() - startMs);
  }
  return quantile(times, 0.5);
}
