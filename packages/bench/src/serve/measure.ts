import { setTimeout as sleep } from 'node:timers/promises';
import { CompletionClient } from '../io/completion-client.js';
import { type MachineTime, machineTime } from '../io/machine-time.js';
import { processTreeUsage } from '../io/process-usage.js';
import { freePort, ServerProcess } from '../io/server-process.js';
import { runClosedLoop } from '../load/closed-loop.js';
import type { LoadCost } from '../load/load-summary.js';
import { randomPrompt } from '../load/random-prompt.js';
import type { RequestRecord } from '../load/stream-tally.js';
import type { Subject } from './subject.js';

const settlePollMs = 400;
const idleCpuMs = 30;
/** Looks in a row that find the server idle: some do what can wait once nobody has asked for a second. */
const idleLooks = 5;
const settleMsMax = 30_000;

/** One closed loop against one subject. */
export interface LoadPlan {
  readonly concurrency: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly seed: number;
}

export interface Measurement {
  readonly records: readonly RequestRecord[];
  readonly cost: LoadCost;
}

/**
 * Starts the subject (if it is to be started), warms it up with as many requests at once as will be measured, drives the
 * load, and stops it.
 * @throws Error when it does not start, or fails on a request that warms it up.
 */
export async function measure(subject: Subject, plan: LoadPlan, onDone: (done: number) => void): Promise<Measurement> {
  if (subject.where.kind === 'running') return drive(subject.where.url, undefined, plan, onDone);
  const command = subject.where.command(plan.concurrency, await freePort());
  const server = await ServerProcess.start(command);
  try {
    await settle(server.pid);
    return await drive(command.url, server.pid, plan, onDone);
  } finally {
    await server.stop();
  }
}

/** Waits until the server is idle: a server that is ready may still warm up or ask itself a question. 30 s at most. */
export async function settle(pid: number | undefined): Promise<void> {
  const deadlineMs = performance.now() + settleMsMax;
  let lastCpuMs = Number.NEGATIVE_INFINITY;
  let idle = 0;
  while (pid !== undefined && performance.now() < deadlineMs) {
    const cpuMs = processTreeUsage(pid)?.cpuMs;
    if (cpuMs === undefined) return;
    idle = cpuMs - lastCpuMs <= idleCpuMs ? idle + 1 : 0;
    if (idle === idleLooks) return;
    lastCpuMs = cpuMs;
    await sleep(settlePollMs);
  }
}

async function drive(
  url: string,
  pid: number | undefined,
  plan: LoadPlan,
  onDone: (done: number) => void,
): Promise<Measurement> {
  const client = new CompletionClient({ url, model: await onlyModel(url) });
  const send = (index: number): Promise<RequestRecord> =>
    client.send({
      promptIds: randomPrompt(plan.promptTokens, plan.seed, promptIndex(plan, index)),
      outputTokens: plan.outputTokens,
    });
  try {
    // As many at once as will be measured: servers learn from load how to bear it.
    const { concurrency } = plan;
    const warmUp = await runClosedLoop({ concurrency, requests: concurrency, send: (index) => send(-1 - index) });
    const failed = warmUp.find(({ outcome }) => outcome === 'failed');
    if (failed?.outcome === 'failed') throw new Error(`a request that warms up failed: ${failed.reason}`);
    const before = spent(pid);
    const records = await runClosedLoop({ concurrency, requests: plan.requests, send, onDone });
    return { records, cost: costBetween(before, spent(pid)) };
  } finally {
    await client.close();
  }
}

/** Concurrencies share no prompt, so that what an earlier measurement left in a cache helps no later one. */
function promptIndex(plan: LoadPlan, index: number): number {
  return plan.concurrency * 500_000 + index + 1;
}

type Spent = ReturnType<typeof spent>;

function spent(pid: number | undefined) {
  const client = process.cpuUsage();
  return {
    wallMs: performance.now(),
    clientCpuMs: (client.user + client.system) / 1000,
    server: pid === undefined ? undefined : processTreeUsage(pid),
    machine: machineTime(),
  };
}

function costBetween(before: Spent, after: Spent): LoadCost {
  return {
    wallMs: after.wallMs - before.wallMs,
    clientCpuMs: after.clientCpuMs - before.clientCpuMs,
    serverCpuMs: before.server && after.server ? after.server.cpuMs - before.server.cpuMs : undefined,
    residentMb: after.server?.residentMb,
    machine: before.machine && after.machine && machineBetween(before.machine, after.machine),
  };
}

function machineBetween(before: MachineTime, after: MachineTime): MachineTime {
  return {
    totalMs: after.totalMs - before.totalMs,
    busyMs: after.busyMs - before.busyMs,
    stolenMs: after.stolenMs - before.stolenMs,
  };
}

/** The name under which it serves; undefined when it does not say, and requests then name none. */
export async function onlyModel(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) return undefined;
  const list = (await response.json()) as { readonly data?: readonly { readonly id?: string }[] };
  return list.data?.[0]?.id;
}
