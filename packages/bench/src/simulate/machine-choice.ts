import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cacheFolder } from '@sluice/shared';
import { BenchUsageError } from '../benchmark.js';
import { openModel } from '../engine/measure.js';
import { modelFile } from '../io/model-file.js';
import type { Progress } from '../io/progress.js';
import { fitCost, measurePasses } from './calibrate.js';
import { a100, h100, type LinearCost, linearMachine, linearPassMs, type Machine, twoCores } from './machine.js';

const gpus: readonly Machine[] = [a100, h100];
const REPEATS = 5;

/**
 * The machine of a name: `cpu` as it was calibrated last, or built in, or `a100`, `h100`.
 * @throws BenchUsageError for another name.
 */
export function machineNamed(name: string): Machine {
  if (name === 'cpu')
    return savedMachine() ?? linearMachine(twoCores, 'built in: the default model on 2 cores of Zen 4');
  const gpu = gpus.find((known) => known.name === name);
  if (gpu !== undefined) return gpu;
  throw new BenchUsageError(`--machine ${name} must be cpu, ${gpus.map((known) => known.name).join(' or ')}`);
}

/** Measures the default model on this machine, and keeps the result for later runs. Takes about 15 s. */
export async function calibratedMachine(progress: Progress): Promise<Machine> {
  const file = await modelFile(undefined, progress);
  progress.stage('loading the model');
  const threads = os.availableParallelism();
  const { model, close } = await openModel(file, { threads });
  progress.stage('running passes of several shapes');
  const measured = await measurePasses(model, REPEATS);
  close();
  const cost = fitCost(measured, model.limits.chunksAbreast);
  const errors = measured.map(({ work, passMs }) => Math.abs(linearPassMs(cost, work) / passMs - 1));
  const error = errors.sort((a, b) => a - b)[errors.length >> 1]!;
  const source =
    `calibrated ${new Date().toISOString().slice(0, 10)}: the default model on ${threads} threads of ` +
    `${os.cpus()[0]?.model.trim() ?? 'this machine'}; median error of the fit ${(100 * error).toFixed(1)} %`;
  const target = savedFile();
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(`${target}.new`, `${JSON.stringify({ source, cost }, null, 2)}\n`);
  renameSync(`${target}.new`, target);
  return linearMachine(cost, source);
}

function savedFile(): string {
  return path.join(cacheFolder(), 'simulate', 'cpu.json');
}

type SavedCost = Omit<LinearCost, 'chunksAbreast' | 'sharedTokenMs'>;

/** Undefined where nothing was calibrated, or what is there is not a calibration. */
function savedMachine(): Machine | undefined {
  try {
    const { source, cost } = JSON.parse(readFileSync(savedFile(), 'utf8')) as { source: unknown; cost: SavedCost };
    // Those of before have none of what chunks save side by side.
    const whole = { chunksAbreast: 1, sharedTokenMs: 0, ...cost };
    const isWhole = Object.keys(twoCores).every((field) => Number.isFinite(whole[field as keyof LinearCost]));
    return isWhole ? linearMachine(whole, String(source)) : undefined;
  } catch {
    return undefined;
  }
}
