import { searchCapacity } from '../simulate/capacity-search.js';
import type { TrialResult } from '../simulate/tally.js';
import type { CapacitySettings } from './capacity-settings.js';
import type { CapacityLoad } from './load.js';

/** What a search on something real found. */
export interface MeasuredCapacity {
  /** 0 where no rate kept the limits. */
  readonly capacityPerSecond: number;
  /** The lowest rate tried that was too high; null where time was up before there was one. */
  readonly beyondPerSecond: number | null;
  /** It was searched only above this rate, which something else keeps; null: everywhere. */
  readonly onlyAbovePerSecond: number | null;
  readonly atCapacity: TrialResult | null;
  readonly trials: number;
  /** All of them by rising rate. */
  readonly sweep: readonly TrialResult[];
}

export interface SearchBounds {
  readonly load: CapacityLoad;
  readonly settings: CapacitySettings;
  /** Where it begins. */
  readonly startPerSecond: number;
  /** A capacity that is worth nothing unless it is above this: a first trial a little above it that fails is the last. */
  readonly toBeatPerSecond?: number | undefined;
  /** No trial but the first begins that would still send then, by `performance.now`. */
  readonly endMs: number;
  /** While no rate has kept the limits, so much later. */
  readonly graceMs: number;
  /** Told before each trial, the first is 1. */
  readonly onTrial: (ratePerSecond: number, trial: number) => void;
}

/** Steps until the capacity is bracketed are of this factor first. */
const FIRST_FACTOR = 1.18;
/** Times the rate at which the prompts alone are all that a machine can do: above, only a trial too short could pass. */
const CEILING_RATIO = 2;
/** Shares of the capacity for the plots' points below it. */
const SWEEP = [0.25, 0.5, 0.75];

/** The highest rate at which trials keep the limits. */
export async function searchMeasured(
  { load, settings, endMs, graceMs, onTrial, ...bounds }: SearchBounds,
  trial: (ratePerSecond: number, isWhole: boolean) => Promise<TrialResult>,
): Promise<MeasuredCapacity> {
  const { toBeatPerSecond } = bounds;
  let trials = 0;
  let hasPassed = false;
  const run = async (rate: number, isWhole: boolean): Promise<TrialResult> => {
    onTrial(rate, ++trials);
    const result = await trial(rate, isWhole);
    hasPassed ||= result.isWithin;
    return result;
  };
  const mayRun = (rate: number): boolean =>
    (hasPassed || toBeatPerSecond === undefined) &&
    performance.now() + load.sendMs(rate) <= endMs + (hasPassed ? 0 : graceMs);
  const startPerSecond =
    toBeatPerSecond === undefined ? bounds.startPerSecond : toBeatPerSecond * (1 + settings.precisionRatio);
  const { ratePerSecond, beyondPerSecond, probes } = await searchCapacity({
    startPerSecond,
    ceilingPerSecond: CEILING_RATIO * load.promptsPerSecond,
    probe: (rate) => run(rate, false),
    precisionRatio: settings.precisionRatio,
    firstFactor: FIRST_FACTOR,
    mayProbe: mayRun,
  });
  const sweep = [...probes];
  if (settings.outFolder !== undefined && !settings.quick && ratePerSecond > 0) {
    for (const share of SWEEP) {
      const rate = share * ratePerSecond;
      if (mayRun(rate)) sweep.push(await run(rate, true));
    }
  }
  return {
    capacityPerSecond: ratePerSecond,
    beyondPerSecond: beyondPerSecond ?? null,
    onlyAbovePerSecond: toBeatPerSecond ?? null,
    atCapacity: probes.find((one) => one.ratePerSecond === ratePerSecond) ?? null,
    trials,
    sweep: sweep.sort((a, b) => a.ratePerSecond - b.ratePerSecond),
  };
}
