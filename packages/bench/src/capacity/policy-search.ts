import { type ModelPort, type PolicyName, type StepWork, wantsWholePrompts } from '@sluice/worker';
import { searchCapacity } from '../simulate/capacity-search.js';
import { withNoise } from '../simulate/machine.js';
import type { TrialResult } from '../simulate/tally.js';
import { runTrial } from '../simulate/trial.js';
import { bestBudgets } from './budget-search.js';
import type { CapacitySettings } from './capacity-settings.js';
import type { CapacityTrialsResult, TriedBudget } from './capacity-table.js';
import { runEngineTrial } from './engine-trial.js';
import type { CapacityLoad } from './load.js';
import type { MeasuredMachine } from './measured-machine.js';
import { type MeasuredCapacity, searchMeasured } from './measured-search.js';
import { StepWatch, stepErrors } from './step-watch.js';

export interface SearchCase {
  readonly model: ModelPort;
  readonly machine: MeasuredMachine['machine'];
  /** A pass alone, to compare the measured ones with. */
  readonly predictMs: (work: StepWork) => number;
  /** By which simulated steps are longer or shorter than predicted. */
  readonly noiseRatios: readonly number[];
  readonly settings: CapacitySettings;
  readonly load: CapacityLoad;
  readonly policy: PolicyName;
}

/** The search begins a little below what the simulator says. */
const FIRST_SHARE = 0.92;
/** Of what prompts alone would allow, where the simulator's search begins. */
const SIMULATED_SHARE = 0.5;
/** Budgets of sarathi that are tried on the real engine: the simulator's best. */
const BUDGETS = 2;
/** The simulator compares budgets to so large a share of the rate. */
const BUDGET_PRECISION = 0.05;

/** One policy's capacity for a load: simulated first, then measured. */
export class PolicySearch {
  readonly #case: SearchCase;
  readonly #watch: StepWatch;

  constructor(one: SearchCase) {
    this.#case = one;
    this.#watch = new StepWatch(one.model, () => performance.now());
  }

  /**
   * @param endMs no trial but the first begins that would still send then, by `performance.now`.
   * @param graceMs while none was within the limits, so much later.
   * @param onTrial told before each trial, the first is 1.
   */
  async run(
    endMs: number,
    graceMs: number,
    onTrial: (ratePerSecond: number, trial: number) => void,
  ): Promise<CapacityTrialsResult> {
    const { load, predictMs, policy, settings } = this.#case;
    const budgets = await this.#budgets();
    const tried: (TriedBudget & MeasuredCapacity & { readonly simulatedPerSecond: number })[] = [];
    const startMs = performance.now();
    for (const [index, tokenBudget] of budgets.entries()) {
      const best = Math.max(0, ...tried.map((one) => one.capacityPerSecond));
      const simulatedPerSecond = await this.#simulated(tokenBudget);
      const measured = await searchMeasured(
        {
          load,
          settings,
          startPerSecond: FIRST_SHARE * simulatedPerSecond || SIMULATED_SHARE * load.promptsPerSecond,
          toBeatPerSecond: settings.quick && best > 0 ? best : undefined,
          endMs: startMs + ((endMs - startMs) * (index + 1)) / budgets.length,
          graceMs: graceMs / budgets.length,
          onTrial,
        },
        (rate, isWhole) => this.#measure(rate, tokenBudget, isWhole),
      );
      tried.push({ ...measured, tokenBudget, simulatedPerSecond });
    }
    const best = tried.reduce((a, b) => (b.capacityPerSecond > a.capacityPerSecond ? b : a));
    const { capacityPerSecond, simulatedPerSecond } = best;
    return {
      ...best,
      subject: policy,
      kind: 'capacity',
      trace: load.trace,
      objective: load.objective,
      tbtMs: load.tbtMs,
      tokenBudget: hasBudget(policy) ? best.tokenBudget : null,
      budgetsTried: hasBudget(policy)
        ? tried.map(({ tokenBudget, capacityPerSecond, onlyAbovePerSecond }) => ({
            tokenBudget,
            capacityPerSecond,
            onlyAbovePerSecond,
          }))
        : [],
      simulatedDeviationRatio: capacityPerSecond > 0 ? simulatedPerSecond / capacityPerSecond - 1 : null,
      ...stepErrors(this.#watch.take(), predictMs),
    };
  }

  /** The best of the simulator, best first; of a policy without one, any. */
  #budgets(): Promise<readonly number[]> {
    const { load, machine, policy } = this.#case;
    const byRule = machine.tokenBudget[load.objective === 'relaxed' ? 'relaxed' : 'strict'];
    if (!hasBudget(policy)) return Promise.resolve([byRule]);
    const bounds = { slots: machine.slotsMax, tokensMax: machine.slotsMax + machine.contextTokens, byRule };
    return bestBudgets(bounds, BUDGETS, (budget) => this.#simulated(budget, BUDGET_PRECISION));
  }

  async #simulated(tokenBudget: number, precisionRatio?: number): Promise<number> {
    const { load, noiseRatios, policy, settings } = this.#case;
    const { ratePerSecond } = await searchCapacity({
      startPerSecond: SIMULATED_SHARE * load.promptsPerSecond,
      ceilingPerSecond: 2 * load.promptsPerSecond,
      ...(precisionRatio === undefined ? {} : { precisionRatio }),
      probe: (rate) => {
        const arrivals = load.at(rate);
        const machine = withNoise(this.#case.machine, noiseRatios, settings.seed);
        return runTrial({ machine, policy, replicas: 1, arrivals, tbtMs: load.tbtMs, tokenBudget }, rate);
      },
    });
    return ratePerSecond;
  }

  #measure(rate: number, tokenBudget: number, isWhole: boolean): Promise<TrialResult> {
    const { machine, load, policy } = this.#case;
    const limits = { tbtMs: load.tbtMs, tokenBudget, kvTokensMax: machine.kvTokensMax };
    return runEngineTrial(this.#watch.model, { policy, ...limits }, load.at(rate), rate, isWhole);
  }
}

/** Whether a fixed token budget decides what the policy does: it cuts prompts and takes no objectives. */
function hasBudget(policy: PolicyName): boolean {
  return policy !== 'slo' && !wantsWholePrompts(policy);
}
