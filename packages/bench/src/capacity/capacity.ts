import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '@sluice/shared';
import type { BenchContext, Benchmark, BenchOutcome, BenchValues } from '../benchmark.js';
import { openModel } from '../engine/measure.js';
import { cpuShares } from '../io/cpu-shares.js';
import { modelFile } from '../io/model-file.js';
import { buildLlamaCpp } from '../peers/llama-cpp-build.js';
import { renderReport } from '../simulate/report.js';
import { type CapacityFound, CapacityRun } from './capacity-run.js';
import {
  type CapacitySettings,
  CONTEXT_TOKENS,
  capacityFlags,
  QUICK_SECONDS,
  readCapacitySettings,
  SLOTS,
  type TraceName,
} from './capacity-settings.js';
import { type CapacityTrialsResult, capacityTable, longPromptTable, withRatios } from './capacity-table.js';
import { firstTokensTable } from './first-tokens.js';
import { renderLongPrompts } from './long-prompt-report.js';
import { type MeasuredMachine, measureMachine } from './measured-machine.js';

/** Sarathi-Serve's method on the real engine, the simulator's prediction and llama-server beside it. */
export const capacityBenchmark: Benchmark = {
  summary: 'requests a second under latency objectives, side by side; hours, or 10 minutes with --quick',
  flags: capacityFlags,
  run,
};

/** Above this the machine was not this benchmark's alone. */
const OTHERS_RATIO_MAX = 0.05;

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const settings = readCapacitySettings(values, quick);
  const file = await modelFile(settings.model, progress);
  const llamaCpp = settings.peers.includes('llama-server') ? await buildLlamaCpp(cacheFolder(), progress) : undefined;
  // Fetching and building happen once; what follows is what a run takes.
  const startMs = performance.now();
  progress.stage('loading the model');
  const sizes = { slots: SLOTS, contextTokens: CONTEXT_TOKENS, stepTokensMax: SLOTS + CONTEXT_TOKENS };
  const { model, weights, kernels, kv, close } = await openModel(file, settings, sizes);
  progress.stage('running passes of several shapes');
  const measured = await measureMachine(model, settings);
  const othersCpuRatio = cpuShares();
  let serversMs = 0;
  const onStop = (cpuMs: number): void => {
    serversMs += cpuMs;
  };
  const server = { modelFile: file, weights, kernels, kv, threads: settings.threads, onStop };
  const capacityRun = new CapacityRun({
    model,
    ...measured,
    settings,
    server,
    llamaCpp,
    progress,
  });
  const found = await capacityRun.run(startMs + QUICK_SECONDS * 1000);
  close();
  const others = othersCpuRatio(serversMs);

  const results = withRatios(found.capacities);
  const heading = [headingOf(measured, settings), ...notesOf(found), othersText(others)].join('\n');
  const tables = [heading, capacityTable(results)];
  if (found.firstTokens.length > 0) tables.push(firstTokensTable(found.firstTokens));
  if (found.longPrompts.length > 0) tables.push(longPromptTable(found.longPrompts));
  if (settings.outFolder !== undefined) writeReports(settings.outFolder, results, found, heading);
  return {
    settings: {
      ...settings,
      model: file,
      weights,
      kernels,
      kv,
      slots: SLOTS,
      contextTokens: CONTEXT_TOKENS,
      ...measured,
      othersCpuRatio: others,
      unmeasured: found.unmeasured,
    },
    results: [...results, ...found.firstTokens, ...found.longPrompts],
    table: tables.join('\n\n'),
    valid: results.some(({ capacityPerSecond }) => capacityPerSecond > 0),
  };
}

function othersText(ratio: number | null): string {
  if (ratio === null) return 'What others took of the CPU is not known here.';
  const warning = ratio > OTHERS_RATIO_MAX ? ': the figures say more about them than about the subjects' : '';
  return `Others took ${(100 * ratio).toFixed(1)} % of the CPU during the trials${warning}.`;
}

function headingOf(
  { machine, decodeIterationMs, fitErrorRatio, hostGapMs }: MeasuredMachine,
  settings: CapacitySettings,
): string {
  const { strictMs, relaxedMs } = machine.objectives;
  return [
    `Decode iteration of ${SLOTS} rows: ${decodeIterationMs.toFixed(1)} ms. P99 time between tokens: strict ${strictMs.toFixed(0)} ms, ` +
      `relaxed ${relaxedMs.toFixed(0)} ms, mixed: half of the requests each; median delay to the first step: 2 s.`,
    `Lengths: log-normal, scaled so that prompt and answer fit ${settings.scaleTokens} tokens; up to ${settings.requestsMax} requests ` +
      `and about ${settings.trialSeconds} s of arrivals a trial.`,
    `Token budget by rule: strict ${machine.tokenBudget.strict}, relaxed ${machine.tokenBudget.relaxed}; sarathi has the best ` +
      `of those tried. Simulator: passes fitted with a median error of ${(100 * fitErrorRatio).toFixed(1)} %, and ${hostGapMs.toFixed(2)} ms between two.`,
  ].join('\n');
}

function notesOf({ capacities, unmeasured }: CapacityFound): readonly string[] {
  const hasServer = capacities.some(({ subject }) => subject === 'sluice (http)' || subject.startsWith('llama-server'));
  return [
    ...(hasServer
      ? [
          "llama-server and sluice (http) are measured at the HTTP client. Their delay is the first token's time less " +
            "the prompt's, as llama-server says it; of ours less what the fitted cost says of the prompt alone, which is " +
            'less than it takes among others, so ours counts as longer.',
        ]
      : []),
    ...unmeasured.map(({ subject, reason }) => `Not measured: ${subject}: ${reason}`),
  ];
}

function writeReports(
  folder: string,
  results: readonly CapacityTrialsResult[],
  { longPrompts }: CapacityFound,
  heading: string,
): void {
  const write = (target: string, files: ReadonlyMap<string, string>): void => {
    mkdirSync(target, { recursive: true });
    for (const [name, content] of files) writeFileSync(path.join(target, name), content);
  };
  for (const trace of new Set(results.map((one): TraceName => one.trace))) {
    const ofTrace = results.filter((one) => one.trace === trace);
    write(path.join(folder, trace), renderReport(ofTrace, heading, `Measured capacity, ${trace} trace`));
  }
  write(folder, renderLongPrompts(longPrompts));
}
