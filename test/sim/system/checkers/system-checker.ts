import type { SystemHistory } from '../system-history.js';
import type { SystemScenario } from '../system-scenario.js';

/** What is wrong with a history of a fleet, one sentence each; empty when it keeps the promise. Looks at nothing else. */
export type SystemChecker = (history: SystemHistory, scenario: SystemScenario) => readonly string[];
