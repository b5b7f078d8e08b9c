import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchContext, Benchmark, BenchOutcome, BenchValues } from '../benchmark.js';
import { openModel } from '../engine/measure.js';
import { modelFile } from '../io/model-file.js';
import { renderReport } from '../simulate/report.js';
import {
  type CapacitySettings,
  CONTEXT_TOKENS,
  capacityFlags,
  readCapacitySettings,
  SLOTS,
  type TraceName,
} from './capacity-settings.js';
import { type CapacityTrialsResult, capacityTable, longPromptTable, withRatios } from './capacity-table.js';
import { type LongPromptResult, measureLongPrompt } from './long-prompt.js';
import { type MeasuredMachine, measureMachine } from './measured-machine.js';
import { PolicySearch } from './policy-search.js';

/** Sarathi-Serve's method on the real engine, and the simulator's prediction beside it. */
export const capacityBenchmark: Benchmark = {
  summary: 'requests a second under latency objectives, policies side by side on the real engine',
  flags: capacityFlags,
  run,
};

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const settings = readCapacitySettings(values, quick);
  const file = await modelFile(settings.model, progress);
  progress.stage('loading the model');
  const sizes = { slots: SLOTS, contextTokens: CONTEXT_TOKENS, stepTokensMax: SLOTS + CONTEXT_TOKENS };
  const { model, weights, close } = await openModel(file, settings.weights, settings.threads, sizes);
  progress.stage('running passes of several shapes');
  const measured = await measureMachine(model, settings.scaleTokens, quick ? 3 : 7);
  const { machine } = measured;

  const found: CapacityTrialsResult[] = [];
  let endMs = performance.now();
  for (const trace of settings.traces) {
    for (const objective of settings.objectives) {
      for (const policy of settings.policies) {
        progress.stage(`${policy}, ${trace} trace, ${objective} objective`);
        const search = new PolicySearch({ model, machine, settings, trace, objective, policy });
        endMs += settings.searchSeconds * 1000;
        found.push(
          await search.run(endMs, (rate, trial) => progress.detail(`trial ${trial} at ${rate.toFixed(2)} requests/s`)),
        );
      }
    }
  }
  const longPrompts: LongPromptResult[] = [];
  for (const policy of settings.policies) {
    progress.stage(`${policy}: a long prompt among streams`);
    const { tokenBudget, objectives } = machine;
    longPrompts.push(
      await measureLongPrompt(model, { policy, tokenBudget: tokenBudget.strict, tbtMs: objectives.strictMs }),
    );
  }
  close();

  const results = withRatios(found);
  const heading = headingOf(measured, settings);
  if (settings.outFolder !== undefined) writeReports(settings.outFolder, results, heading);
  return {
    settings: { ...settings, model: file, weights, slots: SLOTS, contextTokens: CONTEXT_TOKENS, ...measured },
    results: [...results, ...longPrompts],
    table: `${heading}\n\n${capacityTable(results)}\n\n${longPromptTable(longPrompts)}`,
    valid: results.some(({ capacityPerSecond }) => capacityPerSecond > 0),
  };
}

function headingOf({ machine, decodeIterationMs, fitErrorRatio }: MeasuredMachine, settings: CapacitySettings): string {
  const { strictMs, relaxedMs } = machine.objectives;
  return [
    `Decode iteration of ${SLOTS} rows: ${decodeIterationMs.toFixed(1)} ms. P99 time between tokens: strict ${strictMs.toFixed(0)} ms, ` +
      `relaxed ${relaxedMs.toFixed(0)} ms; median delay to the first step: 2 s.`,
    `Lengths: log-normal, scaled so that prompt and answer fit ${settings.scaleTokens} tokens; up to ${settings.requestsMax} requests ` +
      `and about ${settings.trialSeconds} s of arrivals a trial.`,
    `Token budget of sarathi: strict ${machine.tokenBudget.strict}, relaxed ${machine.tokenBudget.relaxed}. ` +
      `Simulator: passes fitted with a median error of ${(100 * fitErrorRatio).toFixed(1)} %.`,
  ].join('\n');
}

function writeReports(folder: string, results: readonly CapacityTrialsResult[], heading: string): void {
  for (const trace of new Set(results.map((one): TraceName => one.trace))) {
    const ofTrace = results.filter((one) => one.trace === trace);
    const target = path.join(folder, trace);
    mkdirSync(target, { recursive: true });
    const files = renderReport(ofTrace, heading, `Measured capacity, ${trace} trace`);
    for (const [name, content] of files) writeFileSync(path.join(target, name), content);
  }
}
