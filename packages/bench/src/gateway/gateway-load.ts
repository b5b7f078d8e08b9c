import { type MachineTime, machineTime } from '../io/machine-time.js';
import { processTreeUsage } from '../io/process-usage.js';
import { type SubjectLoad, withRunningSubject } from './gateway-run.js';
import { type GatewaySettings, requestsPerStream, STEP_MS_MIN, stepMsOf } from './gateway-settings.js';
import type { GatewaySubject } from './gateway-subjects.js';
import type { MockFleet } from './mock-fleet.js';
import type { StreamLoadResult } from './stream-client.js';

const LOOK_MS = 200;
const REQUEST_STREAMS = 64;
/** Of the requests, before those that are measured. */
const WARM_UP_SHARE = 0.25;

/** One load on one gateway. */
export interface GatewayMeasurement extends StreamLoadResult {
  readonly streams: number;
  /** Between two tokens of a stream, as the engines give them; null for requests of one token. */
  readonly stepMs: number | null;
  /** Of the gateway's processes, while the load ran; null where there is no /proc or no gateway. */
  readonly cpuMs: number | null;
  /** Of the gateway's processes before the load, and the most while it ran. */
  readonly idleMb: number | null;
  readonly peakMb: number | null;
  /** Of the machine. */
  readonly busyRatio: number | null;
  /** Of the busiest engine, on its one core. */
  readonly engineBusyRatio: number | null;
}

export type LoadKind = { readonly kind: 'streams'; readonly streams: number } | { readonly kind: 'requests' };

/** @throws Error when the gateway cannot be started. */
export function measureGateway(
  subject: GatewaySubject,
  load: LoadKind,
  settings: GatewaySettings,
): Promise<GatewayMeasurement> {
  const { limits } = subject;
  const tokensPerSecondMax = Math.min(settings.tokensPerSecondMax, limits?.tokensPerSecondMax ?? Number.MAX_VALUE);
  const pace = { tokens: settings.tokens, tokensPerSecondMax };
  if (load.kind === 'requests') {
    const requests = Math.min(settings.requests, limits?.requestsMax ?? Number.MAX_VALUE);
    const plan = (share: number) => {
      const requestsPerStream = Math.ceil((requests * share) / REQUEST_STREAMS);
      return { streams: REQUEST_STREAMS, requestsPerStream, tokens: 1, rampMs: 200 };
    };
    const runPlan = { stepMs: STEP_MS_MIN, isNumbered: false, warmUp: plan(WARM_UP_SHARE) };
    return withRunningSubject(subject, runPlan, async (running) => {
      const measured = await watched(running.pid, running.fleet, () => running.load(plan(1)));
      return { ...measured, streams: REQUEST_STREAMS, stepMs: null };
    });
  }
  const { streams } = load;
  const stepMs = stepMsOf(streams, pace);
  return withRunningSubject(subject, { stepMs, isNumbered: false, warmUp: warmUpStreams(stepMs) }, async (running) => {
    // Begun over the length of one stream, so that streams begin and end all the time.
    const plan = { tokens: pace.tokens, rampMs: stepMs * pace.tokens };
    const run = () => running.load({ ...plan, streams, requestsPerStream: requestsPerStream(streams, pace) });
    return { ...(await watched(running.pid, running.fleet, run)), streams, stepMs };
  });
}

/** About two seconds of them, and two requests on each connection. */
export function warmUpStreams(stepMs: number): SubjectLoad {
  const tokens = 8;
  return { streams: 64, requestsPerStream: Math.max(2, Math.round(2_000 / (tokens * stepMs))), tokens, rampMs: 100 };
}

type Watched = Omit<GatewayMeasurement, 'streams' | 'stepMs'>;

/** The load, and what gateway, engines and machine did meanwhile. */
async function watched(
  pid: number | undefined,
  fleet: MockFleet,
  run: () => Promise<StreamLoadResult>,
): Promise<Watched> {
  const usage = () => (pid === undefined ? undefined : processTreeUsage(pid));
  const before = usage();
  const enginesBefore = fleet.cpuMsMax();
  const machineBefore = machineTime();
  let peakMb = before?.residentMb ?? 0;
  const look = setInterval(() => {
    peakMb = Math.max(peakMb, usage()?.residentMb ?? 0);
  }, LOOK_MS);
  const result = await run().finally(() => clearInterval(look));
  const after = usage();
  const enginesAfter = fleet.cpuMsMax();
  return {
    ...result,
    cpuMs: before === undefined || after === undefined ? null : after.cpuMs - before.cpuMs,
    idleMb: before?.residentMb ?? null,
    peakMb: before === undefined ? null : peakMb,
    busyRatio: busyShare(machineBefore, machineTime()),
    engineBusyRatio:
      enginesBefore === null || enginesAfter === null ? null : (enginesAfter - enginesBefore) / result.wallMs,
  };
}

function busyShare(before: MachineTime | undefined, after: MachineTime | undefined): number | null {
  if (before === undefined || after === undefined || after.totalMs === before.totalMs) return null;
  return (after.busyMs - before.busyMs) / (after.totalMs - before.totalMs);
}
