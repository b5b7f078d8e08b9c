import { type LaneModel, type StepPlan, type StepWork, wantBest } from '@sluice/worker';
import { fitCost, type Measured, measurePasses } from '../simulate/calibrate.js';
import { linearMachine, linearPassMs, type Machine } from '../simulate/machine.js';
import { quantile } from '../simulate/samples.js';
import { SLOTS } from './capacity-settings.js';
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
}

/** Runs passes of the model: what objectives, budgets and the simulator are made of. */
export async function measureMachine(model: LaneModel, scaleTokens: number, repeats: number): Promise<MeasuredMachine> {
  const decodeIterationMs = await measureDecode(model, scaleTokens >> 1, 4 * repeats);
  const measured = await measurePasses(model, repeats);
  const cost = fitCost(measured);
  const errors = measured.map(({ work, passMs }: Measured) => Math.abs(linearPassMs(cost, work) / passMs - 1));
  const strictMs = STRICT_ITERATIONS * decodeIterationMs;
  const relaxedMs = RELAXED_ITERATIONS * decodeIterationMs;
  const passMs = (work: StepWork): number => linearPassMs(cost, work);
  const { slotsMax, contextTokens, stepTokensMax, chunksMax } = model.limits;
  const budget = (objectiveMs: number): number =>
    largestBudget(passMs, { slots: slotsMax, contextTokens: scaleTokens, stepTokensMax, objectiveMs });
  return {
    machine: {
      ...linearMachine(cost, 'calibrated in this run'),
      slotsMax,
      contextTokens,
      kvTokensMax: slotsMax * contextTokens,
      chunksMax,
      tokenBudget: { strict: budget(strictMs), relaxed: budget(relaxedMs) },
      objectives: { strictMs, relaxedMs },
    },
    decodeIterationMs,
    fitErrorRatio: quantile(errors, 0.5),
  };
}

async function measureDecode(model: LaneModel, position: number, repeats: number): Promise<number> {
  const decodes = Array.from({ length: SLOTS }, (_, slot) => ({ slot, tokenId: 1, position, want: wantBest }));
  const plan: StepPlan = { decodes, chunks: [], resting: [] };
  const times: number[] = [];
  for (let i = -2; i < repeats; i++) {
    const startMs = performance.now();
    await model.forward(plan);
    if (i >= 0) times.push(performance.now() - startMs);
  }
  return quantile(times, 0.5);
}
