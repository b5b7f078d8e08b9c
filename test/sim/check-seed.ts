import { type CheckerName, checkersOf } from './checkers/checkers.js';
import { type History, traceHash } from './history.js';
import { runScenario, type Subject } from './run-scenario.js';
import { drawScenario, type Scenario } from './scenario.js';

export interface Violation {
  readonly checker: CheckerName;
  /** The first few of what the checker found. */
  readonly found: readonly string[];
}

/** Runs the scenario of a seed twice and holds the history against every checker. */
export async function checkSeed(seed: number, policy: string, subject: Subject): Promise<readonly Violation[]> {
  const scenario = drawScenario(seed);
  const history = await runScenario(scenario, policy, subject);
  const again = await runScenario(scenario, policy, subject);
  const violations = [...checkHistory(history, scenario, policy)];
  const [first, second] = [traceHash(history), traceHash(again)];
  if (first !== second) {
    violations.push({ checker: 'determinism', found: [`two runs of one seed left the traces ${first} and ${second}`] });
  }
  return violations;
}

export function checkHistory(history: History, scenario: Scenario, policy: string): readonly Violation[] {
  return checkersOf(policy).flatMap(([name, checker]) => {
    const found = checker(history, scenario);
    return found.length === 0 ? [] : [{ checker: name, found: found.slice(0, 3) }];
  });
}

/** What a person needs to see it again. */
export function describeFailure(seed: number, policy: string, violations: readonly Violation[]): string {
  const lines = violations.map(({ checker, found }) => `  ${checker}: ${found.join('; ')}`);
  return `seed ${seed}, policy ${policy}:\n${lines.join('\n')}\n  again: SLUICE_SIM_SEED=${seed} ./sluice test test/sim/swarm.test.ts -t ${policy}`;
}
