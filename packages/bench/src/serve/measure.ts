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
  const ready = await ReadySubject.start(subject, plan);
  try {
    return await ready.drive(0, onDone);
  } finally {
    await ready.stop();
  }
}

/** A subject that serves and is warm. */
export class ReadySubject {
  readonly subject: Subject;
  readonly #plan: LoadPlan;
  /** Undefined where it is somebody else's. */
  readonly #server: ServerProcess | undefined;
  readonly #client: CompletionClient;

  private constructor(subject: Subject, plan: LoadPlan, server: ServerProcess | undefined, client: CompletionClient) {
    this.subject = subject;
    this.#plan = plan;
    this.#server = server;
    this.#client = client;
  }

  /** @throws Error when it does not start, or fails on a request that warms it up. */
  static async start(subject: Subject, plan: LoadPlan): Promise<ReadySubject> {
    if (subject.where.kind === 'running') return ReadySubject.#warmedUp(subject, plan, subject.where.url, undefined);
    const command = subject.where.command(plan.concurrency, await freePort());
    const server = await ServerProcess.start(command);
    try {
      await settle(server.pid);
      return await ReadySubject.#warmedUp(subject, plan, command.url, server);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  static async #warmedUp(
    subject: Subject,
    plan: LoadPlan,
    url: string,
    server: ServerProcess | undefined,
  ): Promise<ReadySubject> {
    const client = new CompletionClient({ url, model: await onlyModel(url) });
    const ready = new ReadySubject(subject, plan, server, client);
    try {
      // As many at once as will be measured: servers learn from load how to bear it.
      const warmUp = await ready.#load(plan.concurrency, (index) => -1 - index);
      const failed = warmUp.find(({ outcome }) => outcome === 'failed');
      if (failed?.outcome === 'failed') throw new Error(`a request that warms up failed: ${failed.reason}`);
      return ready;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /**
   * The load once.
   * @param round whose prompts no other has.
   */
  async drive(round: number, onDone: (done: number) => void): Promise<Measurement> {
    const { requests } = this.#plan;
    const before = spent(this.#server?.pid);
    const records = await this.#load(requests, (index) => round * requests + index, onDone);
    return { records, cost: costBetween(before, spent(this.#server?.pid)) };
  }

  async stop(): Promise<void> {
    try {
      await this.#client.close();
    } finally {
      await this.#server?.stop();
    }
  }

  #load(
    requests: number,
    numberOf: (index: number) => number,
    onDone: (done: number) => void = () => {},
  ): Promise<RequestRecord[]> {
    const { concurrency, promptTokens, outputTokens, seed } = this.#plan;
    const send = (index: number): Promise<RequestRecord> => {
      const promptIds = randomPrompt(promptTokens, seed, promptIndex(this.#plan, numberOf(index)));
      return this.#client.send({ promptIds, outputTokens });
    };
    return runClosedLoop({ concurrency, requests, send, onDone });
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
