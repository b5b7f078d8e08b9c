import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchContext, Benchmark, BenchOutcome, BenchValues } from '../benchmark.js';
import { openModel } from '../engine/measure.js';
import { type MachineTime, machineTime } from '../io/machine-time.js';
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
  summary: 'requests a second under latency objectives, policies side by side; hours, or 10 minutes with --quick',
  flags: capacityFlags,
  run,
};

/** Above this the machine was not this benchmark's alone. */
const OTHERS_RATIO_MAX = 0.05;

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const settings = readCapacitySettings(values, quick);
  const file = await modelFile(settings.model, progress);
  progress.stage('loading the model');
  const sizes = { slots: SLOTS, contextTokens: CONTEXT_TOKENS, stepTokensMax: SLOTS + CONTEXT_TOKENS };
  const { model, weights, close } = await openModel(file, settings.weights, settings.threads, sizes, settings.kv);
  progress.stage('running passes of several shapes');
  const measured = await measureMachine(model, settings.scaleTokens, quick ? 3 : 7);
  const { machine } = measured;
  const cpuBefore = { machine: machineTime(), own: process.cpuUsage() };

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
  const othersCpuRatio = othersShare(cpuBefore, { machine: machineTime(), own: process.cpuUsage() });

  const results = withRatios(found);
  const heading = `${headingOf(measured, settings)}\n${othersText(othersCpuRatio)}`;
  if (settings.outFolder !== undefined) writeReports(settings.outFolder, results, heading);
  return {
    settings: {
      ...settings,
      model: file,
      weights,
      slots: SLOTS,
      contextTokens: CONTEXT_TOKENS,
      ...measured,
      othersCpuRatio,
    },
    results: [...results, ...longPrompts],
    table: `${heading}\n\n${capacityTable(results)}\n\n${longPromptTable(longPrompts)}`,
    valid: results.some(({ capacityPerSecond }) => capacityPerSecond > 0),
  };
}

interface CpuTimes {
  readonly machine: MachineTime | undefined;
  readonly own: NodeJS.CpuUsage;
}

/** Of the machine's CPU time between two moments: what went to other processes or other machines; null without /proc. */
function othersShare(from: CpuTimes, to: CpuTimes): number | null {
  if (from.machine === undefined || to.machine === undefined) return null;
  const totalMs = to.machine.totalMs - from.machine.totalMs;
  const takenMs = to.machine.busyMs + to.machine.stolenMs - from.machine.busyMs - from.machine.stolenMs;
  const ownMs = (to.own.user + to.own.system - from.own.user - from.own.system) / 1000;
  return totalMs > 0 ? Math.max(0, takenMs - ownMs) / totalMs : null;
}

function othersText(ratio: number | null): string {
  if (ratio === null) return 'What others took of the CPU is not known here.';
  const warning = ratio > OTHERS_RATIO_MAX ? ': the figures say more about them than about the policies' : '';
  return `Others took ${(100 * ratio).toFixed(1)} % of the CPU during the trials${warning}.`;
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
