import { traceHash } from './history.js';
import { runScenario } from './run-scenario.js';
import { drawScenario } from './scenario.js';
import * as subject from './subject.js';
import { runSystem } from './system/run-system.js';
import * as systemSubject from './system/subject.js';
import { drawSystemScenario } from './system/system-scenario.js';

/** Seeds of engines and of fleets; the fleets' have faults of many kinds. */
const engineSeeds = [1, 2, 3, 4, 5];
const fleetSeeds = [2, 3, 8, 16, 43];

/** One number for each of some runs. */
export async function traces(): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (const seed of engineSeeds) {
    hashes.push(`engine ${seed}: ${traceHash(await runScenario(drawScenario(seed), 'slo', subject))}`);
  }
  for (const seed of fleetSeeds) {
    hashes.push(`fleet ${seed}: ${traceHash(await runSystem(drawSystemScenario(seed), systemSubject))}`);
  }
  return hashes;
}
