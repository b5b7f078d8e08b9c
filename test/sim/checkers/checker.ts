import type { History } from '../history.js';
import type { Scenario } from '../scenario.js';

/** What is wrong with a history, one sentence each; empty when it keeps the promise. Looks at nothing else. */
export type Checker = (history: History, scenario: Scenario) => readonly string[];
