import { type SystemCheckerName, systemCheckerNames, systemCheckers } from './checkers/system-checkers.js';
import { runSystem, type SystemSubject } from './run-system.js';
import type { SystemHistory } from './system-history.js';
import { drawSystemScenario } from './system-scenario.js';

export interface SystemViolation {
  readonly checker: SystemCheckerName;
  /** The first few of what the checker found. */
  readonly found: readonly string[];
}

/** Runs the fleet of a seed and holds the history against every checker. */
export async function checkSystemSeed(seed: number, subject: SystemSubject): Promise<readonly SystemViolation[]> {
  const scenario = drawSystemScenario(seed);
  const history = await runSystem(scenario, subject);
  return systemCheckerNames.flatMap((checker) => {
    const found = systemCheckers[checker](history, scenario);
    return found.length === 0 ? [] : [{ checker, found: found.slice(0, 3) }];
  });
}

/** What a person needs to see it again. */
export function describeSystemFailure(seed: number, violations: readonly SystemViolation[]): string {
  const lines = violations.map(({ checker, found }) => `  ${checker}: ${found.join('; ')}`);
  return `seed ${seed}:\n${lines.join('\n')}\n  again: SLUICE_SIM_SEED=${seed} ./sluice test test/sim/system/system.test.ts`;
}

/** What happened to one request or, without an id, to all; a line each. For people who look for a cause. */
export function tellSystemHistory(history: SystemHistory, id?: string): string {
  const isOfInterest = (line: string): boolean =>
    id === undefined || line.includes(`"${id}"`) || line.includes('fault');
  return history
    .map(({ atMs, ...entry }) => `${atMs.toFixed(1)} ${JSON.stringify(entry)}`)
    .filter(isOfInterest)
    .join('\n');
}
