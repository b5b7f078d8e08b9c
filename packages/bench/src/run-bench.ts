import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchFlag, type Benchmark, BenchUsageError } from './benchmark.js';
import { capacityBenchmark } from './capacity/capacity.js';
import { engineBenchmark } from './engine/engine.js';
import { gatewayBenchmark } from './gateway/gateway.js';
import { describeCommit, describeMachine } from './io/machine.js';
import { createProgress } from './io/progress.js';
import { qualityBenchmark } from './quality/quality.js';
import { routingBenchmark } from './routing/routing.js';
import { serveBenchmark } from './serve/serve.js';
import { simulateBenchmark } from './simulate/simulate.js';
import { speculationBenchmark } from './speculation/speculation.js';
import { structuredBenchmark } from './structured/structured.js';

/** All benchmarks by name; a new one is a line here and a section of the README. */
const benchmarks: Readonly<Record<string, Benchmark>> = {
  capacity: capacityBenchmark,
  engine: engineBenchmark,
  gateway: gatewayBenchmark,
  quality: qualityBenchmark,
  routing: routingBenchmark,
  serve: serveBenchmark,
  simulate: simulateBenchmark,
  speculation: speculationBenchmark,
  structured: structuredBenchmark,
};

const commonFlags: Readonly<Record<string, BenchFlag>> = {
  quick: { description: 'fewer points and repeats: rough figures in about a minute' },
  json: { value: 'FILE', description: 'write the results there as well; fields: packages/bench/README.md' },
  help: { description: 'this text' },
};

/**
 * `sluice bench NAME [flags]`: the table goes to standard output, what it is doing to standard error.
 * @param argv what stands behind `sluice bench`.
 * @returns the process's exit code: 0; 1 when it failed or its figures are worthless; 2 for a wrong command line.
 */
export async function runBench(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(overview());
    return name === undefined ? 2 : 0;
  }
  try {
    const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
    if (benchmark === undefined) {
      throw new BenchUsageError(`no benchmark ${name}; there are ${Object.keys(benchmarks).join(', ')}`);
    }
    return await runOne(name, benchmark, rest);
  } catch (thrown) {
    process.stderr.write(`sluice bench: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return thrown instanceof BenchUsageError ? 2 : 1;
  }
}

async function runOne(name: string, benchmark: Benchmark, argv: string[]): Promise<number> {
  const flags = { ...benchmark.flags, ...commonFlags };
  const values = readFlags(argv, flags);
  if (values.help === true) {
    process.stdout.write(helpText(name, benchmark, flags));
    return 0;
  }
  const progress = createProgress();
  const allowSignals = exitOnSignals();
  const startedAt = new Date().toISOString();
  try {
    const { settings, results, table, valid } = await benchmark.run(values, { quick: values.quick === true, progress });
    progress.end();
    process.stdout.write(`${table}\n`);
    if (typeof values.json === 'string') {
      writeReport(values.json, {
        benchmark: name,
        machine: describeMachine(),
        commit: describeCommit(),
        startedAt,
        quick: values.quick === true,
        settings,
        results,
      });
    }
    return valid ? 0 : 1;
  } finally {
    allowSignals();
    progress.end();
  }
}

/**
 * Makes the signals that end a process end it by `process.exit`, on which the servers under measurement die with it.
 * Returns a function that takes that back.
 */
function exitOnSignals(): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const leave = (signal: NodeJS.Signals): void => process.exit(128 + os.constants.signals[signal]);
  for (const signal of signals) process.on(signal, leave);
  return () => {
    for (const signal of signals) process.off(signal, leave);
  };
}

function readFlags(argv: string[], flags: Readonly<Record<string, BenchFlag>>) {
  const options = Object.fromEntries(
    Object.entries(flags).map(([flag, { value }]) => [
      flag,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  );
  try {
    return parseArgs({ args: argv, options, allowPositionals: false }).values;
  } catch (thrown) {
    throw new BenchUsageError((thrown as Error).message.split(/\.?\n|\. /)[0] ?? 'unreadable flags');
  }
}

function writeReport(file: string, report: object): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

function overview(): string {
  const width = Math.max(...Object.keys(benchmarks).map((name) => name.length));
  const lines = Object.entries(benchmarks).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: sluice bench NAME [flags]\n\n${lines.join('\n')}\n\nsluice bench NAME --help lists the flags of one.\n`;
}

function helpText(name: string, benchmark: Benchmark, flags: Readonly<Record<string, BenchFlag>>): string {
  const rows = Object.entries(flags).map(([flag, { value, description }]) => ({
    usage: `--${flag}${value === undefined ? '' : ` ${value}`}`,
    description,
  }));
  const width = Math.max(...rows.map(({ usage }) => usage.length));
  const lines = rows.map(({ usage, description }) => `  ${usage.padEnd(width)}  ${description}`);
  return `Usage: sluice bench ${name} [flags]\n\n${benchmark.summary}\n\n${lines.join('\n')}\n`;
}
