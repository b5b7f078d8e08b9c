import { type Machine, promptAloneMs } from '../simulate/machine.js';
import { type Arrival, drawArrivals, withObjectives } from '../simulate/trace.js';
import { type CapacitySettings, type ObjectiveName, requestsAt, type TraceName, traceOf } from './capacity-settings.js';

/** What is sent under one objective for one trace: the same to every subject. */
export interface CapacityLoad {
  readonly trace: TraceName;
  readonly objective: ObjectiveName;
  /** Of mixed objectives the strict one. */
  readonly tbtMs: number;
  /** What the prompts alone would allow this machine. */
  readonly promptsPerSecond: number;
  /** Of a trial at a rate: every trial takes as many as it needs from the front. */
  at(ratePerSecond: number): readonly Arrival[];
  /** How long such a trial sends. */
  sendMs(ratePerSecond: number): number;
}

export function createLoad(
  machine: Machine & Required<Pick<Machine, 'objectives'>>,
  settings: CapacitySettings,
  trace: TraceName,
  objective: ObjectiveName,
): CapacityLoad {
  const { strictMs, relaxedMs } = machine.objectives;
  const drawn = drawArrivals(traceOf(trace), settings.scaleTokens, settings.requestsMax, settings.seed);
  const arrivals = objective === 'mixed' ? withObjectives(drawn, [strictMs, relaxedMs], settings.seed) : drawn;
  const promptMs = arrivals.reduce((sum, one) => sum + promptAloneMs(machine, one.promptTokens), 0);
  const at = (rate: number): readonly Arrival[] => arrivals.slice(0, requestsAt(rate, settings));
  return {
    trace,
    objective,
    tbtMs: objective === 'relaxed' ? relaxedMs : strictMs,
    promptsPerSecond: (1000 * arrivals.length) / promptMs,
    at,
    sendMs: (rate) => ((at(rate).at(-1)?.at ?? 0) * 1000) / rate,
  };
}
