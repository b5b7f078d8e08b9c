import type { ModelPort, PolicyName } from '@sluice/worker';
import { searchCapacity } from '../simulate/capacity-search.js';
import { promptAloneMs } from '../simulate/machine.js';
import type { TrialResult } from '../simulate/tally.js';
import { type Arrival, drawArrivals } from '../simulate/trace.js';
import { runTrial } from '../simulate/trial.js';
import { type CapacitySettings, type ObjectiveName, requestsAt, type TraceName, traceOf } from './capacity-settings.js';
import type { CapacityTrialsResult } from './capacity-table.js';
import { runEngineTrial } from './engine-trial.js';
import type { MeasuredMachine } from './measured-machine.js';

export interface SearchCase {
  readonly model: ModelPort;
  readonly machine: MeasuredMachine['machine'];
  readonly settings: CapacitySettings;
  readonly trace: TraceName;
  readonly objective: ObjectiveName;
  readonly policy: PolicyName;
}

/** The search begins a little below what the simulator says, and steps by so much until the capacity is bracketed. */
const FIRST_SHARE = 0.92;
const FIRST_FACTOR = 1.18;
/** Times the rate at which the prompts alone are all that a machine can do: above, only a trial too short could pass. */
const CEILING_RATIO = 2;
/** A policy that has not kept the limits yet may take so much more of a search's time, off the next one's. */
const GRACE_RATIO = 0.5;
/** Shares of the capacity for the plots' points below it. */
const SWEEP = [0.25, 0.5, 0.75];

/** One policy's capacity under one objective for one trace: simulated first, then measured. */
export class PolicySearch {
  readonly #case: SearchCase;
  readonly #tbtMs: number;
  readonly #tokenBudget: number;
  /** More than any trial sends; every trial takes as many as it needs from the front. */
  readonly #arrivals: readonly Arrival[];

  constructor(one: SearchCase) {
    const { machine, settings, trace, objective } = one;
    this.#case = one;
    this.#tbtMs = objective === 'strict' ? machine.objectives.strictMs : machine.objectives.relaxedMs;
    this.#tokenBudget = machine.tokenBudget[objective];
    this.#arrivals = drawArrivals(traceOf(trace), settings.scaleTokens, settings.requestsMax, settings.seed);
  }

  /**
   * @param endMs no trial but the first begins that would still send then, by `performance.now`; while none was within
   * the limits, half of a search's time later.
   * @param onTrial told before each trial, the first is 1.
   */
  async run(endMs: number, onTrial: (ratePerSecond: number, trial: number) => void): Promise<CapacityTrialsResult> {
    const { settings, trace, objective, policy } = this.#case;
    const ceilingPerSecond = CEILING_RATIO * this.#promptsPerSecond();
    const simulated = await searchCapacity({
      startPerSecond: 0.5 * this.#promptsPerSecond(),
      ceilingPerSecond,
      probe: (rate) => this.#simulate(rate),
    });
    const startPerSecond =
      simulated.ratePerSecond > 0 ? FIRST_SHARE * simulated.ratePerSecond : 0.5 * this.#promptsPerSecond();
    const graceMs = GRACE_RATIO * settings.searchSeconds * 1000;
    let trials = 0;
    let hasPassed = false;
    const measure = async (rate: number, isWhole = false): Promise<TrialResult> => {
      onTrial(rate, ++trials);
      const result = await this.#measure(rate, isWhole);
      hasPassed ||= result.isWithin;
      return result;
    };
    const mayMeasure = (rate: number): boolean =>
      performance.now() + this.#sendMs(rate) <= endMs + (hasPassed ? 0 : graceMs);
    const { ratePerSecond, beyondPerSecond, probes } = await searchCapacity({
      startPerSecond,
      ceilingPerSecond,
      probe: (rate) => measure(rate),
      precisionRatio: settings.precisionRatio,
      firstFactor: FIRST_FACTOR,
      mayProbe: mayMeasure,
    });
    const sweep = [...probes];
    if (settings.outFolder !== undefined && ratePerSecond > 0) {
      for (const share of SWEEP) {
        const rate = share * ratePerSecond;
        if (mayMeasure(rate)) sweep.push(await measure(rate, true));
      }
    }
    return {
      subject: policy,
      kind: 'capacity',
      trace,
      objective,
      tbtMs: this.#tbtMs,
      capacityPerSecond: ratePerSecond,
      beyondPerSecond: beyondPerSecond ?? null,
      atCapacity: probes.find((one) => one.ratePerSecond === ratePerSecond) ?? null,
      simulatedPerSecond: simulated.ratePerSecond,
      simulatedDeviationRatio: ratePerSecond > 0 ? simulated.ratePerSecond / ratePerSecond - 1 : null,
      trials,
      sweep: sweep.sort((a, b) => a.ratePerSecond - b.ratePerSecond),
    };
  }

  #simulate(rate: number): Promise<TrialResult> {
    const { machine, policy } = this.#case;
    const limits = { tbtMs: this.#tbtMs, tokenBudget: this.#tokenBudget };
    return runTrial({ machine, policy, replicas: 1, arrivals: this.#arrivalsAt(rate), ...limits }, rate);
  }

  #measure(rate: number, isWhole: boolean): Promise<TrialResult> {
    const { machine, model, policy } = this.#case;
    const limits = { tbtMs: this.#tbtMs, tokenBudget: this.#tokenBudget, kvTokensMax: machine.kvTokensMax };
    return runEngineTrial(model, { policy, ...limits }, this.#arrivalsAt(rate), rate, isWhole);
  }

  #arrivalsAt(rate: number): readonly Arrival[] {
    return this.#arrivals.slice(0, requestsAt(rate, this.#case.settings));
  }

  /** How long a trial sends. */
  #sendMs(rate: number): number {
    return ((this.#arrivalsAt(rate).at(-1)?.at ?? 0) * 1000) / rate;
  }

  /** What the prompts alone would allow. */
  #promptsPerSecond(): number {
    const { machine } = this.#case;
    const promptMs = this.#arrivals.reduce((sum, one) => sum + promptAloneMs(machine, one.promptTokens), 0);
    return (1000 * this.#arrivals.length) / promptMs;
  }
}
