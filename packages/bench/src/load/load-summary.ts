import { build } from 'hdr-histogram-js';
import type { RequestRecord } from './stream-tally.js';

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** What the machine spent while the load ran; undefined fields could not be measured. */
export interface LoadCost {
  readonly wallMs: number;
  /** Of the server's whole process tree. */
  readonly serverCpuMs: number | undefined;
  readonly clientCpuMs: number;
  /** Of the server's whole process tree, at the end of the load. */
  readonly residentMb: number | undefined;
  /** CPU time of the whole machine, all CPUs added. */
  readonly machine: MachineCost | undefined;
}

export interface MachineCost {
  readonly totalMs: number;
  readonly busyMs: number;
  readonly stolenMs: number;
}

/** The fields of a result, as the README describes them. */
export interface LoadSummary {
  readonly requests: number;
  readonly complete: number;
  readonly truncated: number;
  readonly errors: number;
  /** One example for each kind of outcome that was not complete; at most 5. */
  readonly faults: readonly string[];
  readonly wallMs: number;
  readonly totalTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  readonly ttftMs: Percentiles | null;
  readonly gapMs: Percentiles | null;
  readonly outputTokensPerEvent: number | null;
  readonly cpuUsPerToken: number | null;
  readonly clientCpuUsPerToken: number | null;
  readonly residentMb: number | null;
  readonly othersCpuRatio: number | null;
  readonly stolenCpuRatio: number | null;
}

/**
 * Turns records into figures. Throughput counts the tokens of complete requests only, over the whole wall time: what
 * failed or was cut short took its time and brought nothing.
 */
export function summarize(records: readonly RequestRecord[], cost: LoadCost): LoadSummary {
  const complete = records.filter((record) => record.outcome === 'complete');
  const outputTokens = sum(complete.map((record) => record.outputTokens));
  const totalTokens = outputTokens + sum(complete.map((record) => record.promptTokens));
  const textEvents = sum(complete.map((record) => record.textEvents));
  const perToken = (cpuMs: number): number | null => (totalTokens > 0 ? round((cpuMs * 1000) / totalTokens, 1) : null);
  const perSecond = (tokens: number): number => (tokens > 0 ? round((tokens * 1000) / cost.wallMs, 1) : 0);
  return {
    requests: records.length,
    complete: complete.length,
    truncated: records.filter((record) => record.outcome === 'truncated').length,
    errors: records.filter((record) => record.outcome === 'failed').length,
    faults: [...new Set(records.flatMap((record) => record.reason ?? []))].slice(0, 5),
    wallMs: round(cost.wallMs, 1),
    totalTokensPerSecond: perSecond(totalTokens),
    outputTokensPerSecond: perSecond(outputTokens),
    ttftMs: percentiles(complete.flatMap((record) => record.ttftMs ?? [])),
    gapMs: percentiles(complete.flatMap((record) => record.gapsMs)),
    outputTokensPerEvent: textEvents > 0 ? round(outputTokens / textEvents, 3) : null,
    cpuUsPerToken: cost.serverCpuMs === undefined ? null : perToken(cost.serverCpuMs),
    clientCpuUsPerToken: perToken(cost.clientCpuMs),
    residentMb: cost.residentMb === undefined ? null : round(cost.residentMb, 1),
    ...neighbours(cost),
  };
}

/** How much of the machine's CPU time went to processes that are no part of the measurement, and to other machines. */
function neighbours({ machine, serverCpuMs, clientCpuMs }: LoadCost) {
  if (machine === undefined || machine.totalMs === 0) return { othersCpuRatio: null, stolenCpuRatio: null };
  const othersMs = serverCpuMs === undefined ? undefined : Math.max(0, machine.busyMs - serverCpuMs - clientCpuMs);
  return {
    othersCpuRatio: othersMs === undefined ? null : round(othersMs / machine.totalMs, 3),
    stolenCpuRatio: round(machine.stolenMs / machine.totalMs, 3),
  };
}

/** The cost of several loads that ran one after the other, to be summarized with all their records. */
export function addCosts(costs: readonly LoadCost[]): LoadCost {
  const known = <Key extends 'serverCpuMs' | 'residentMb'>(key: Key): number[] =>
    costs.flatMap((cost) => cost[key] ?? []);
  const machines = costs.flatMap((cost) => cost.machine ?? []);
  return {
    wallMs: sum(costs.map((cost) => cost.wallMs)),
    serverCpuMs: known('serverCpuMs').length === costs.length ? sum(known('serverCpuMs')) : undefined,
    clientCpuMs: sum(costs.map((cost) => cost.clientCpuMs)),
    residentMb: known('residentMb').length === costs.length ? Math.max(...known('residentMb')) : undefined,
    machine: machines.length === costs.length ? addMachines(machines) : undefined,
  };
}

function addMachines(machines: readonly MachineCost[]): MachineCost {
  const total = (key: keyof MachineCost): number => sum(machines.map((machine) => machine[key]));
  return { totalMs: total('totalMs'), busyMs: total('busyMs'), stolenMs: total('stolenMs') };
}

/** From a histogram in microseconds up to an hour, four significant digits. Null without a sample. */
export function percentiles(samplesMs: readonly number[]): Percentiles | null {
  if (samplesMs.length === 0) return null;
  const histogram = build({ highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 4 });
  for (const sampleMs of samplesMs) histogram.recordValue(Math.max(0, Math.round(sampleMs * 1000)));
  const at = (percentile: number): number => round(histogram.getValueAtPercentile(percentile) / 1000, 2);
  return { p50: at(50), p99: at(99) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
