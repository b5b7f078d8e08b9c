import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type MachineTime, machineTime } from '../io/machine-time.js';
import { processTreeUsage } from '../io/process-usage.js';
import { freePort, ServerProcess } from '../io/server-process.js';
import { type GatewaySettings, requestsPerStream, stepMsOf } from './gateway-settings.js';
import type { GatewaySubject } from './gateway-subjects.js';
import { startMockFleet } from './mock-fleet.js';
import type { StreamLoad, StreamLoadResult } from './stream-client.js';

const ENGINES = 2;
const LOOK_MS = 100;
const REQUEST_MS_MAX = 120_000;

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
  readonly busyRatio: number | null;
}

export type LoadKind = { readonly kind: 'streams'; readonly streams: number } | { readonly kind: 'requests' };

/** Starts engines and gateway anew, lets a little load warm them up, and runs the load. */
export async function measureGateway(
  subject: GatewaySubject,
  load: LoadKind,
  settings: GatewaySettings,
): Promise<GatewayMeasurement> {
  const streams = load.kind === 'streams' ? load.streams : 64;
  const stepMs = load.kind === 'streams' ? stepMsOf(streams, settings) : null;
  const fleet = await startMockFleet(subject.engines, subject.command === undefined ? 1 : ENGINES, stepMs ?? 20);
  let server: ServerProcess | undefined;
  try {
    const port = subject.command === undefined ? fleet.ports[0]! : await freePort();
    if (subject.command !== undefined) server = await ServerProcess.start(subject.command(port, fleet.ports));
    const tokens = load.kind === 'streams' ? settings.tokens : 1;
    const plan: StreamLoad = {
      port,
      streams,
      requestsPerStream:
        load.kind === 'streams' ? requestsPerStream(streams, settings) : Math.ceil(settings.requests / streams),
      tokens,
      // Over the length of one stream, so that streams begin and end all the time.
      rampMs: stepMs === null ? 200 : stepMs * tokens,
      requestMsMax: REQUEST_MS_MAX,
    };
    await runLoad({
      ...plan,
      streams: Math.min(64, streams),
      requestsPerStream: 2,
      tokens: Math.min(8, tokens),
      rampMs: 100,
    });
    return { ...(await watched(server?.pid, () => runLoad(plan))), streams, stepMs };
  } finally {
    await server?.stop();
    fleet.stop();
  }
}

type Watched = StreamLoadResult & Pick<GatewayMeasurement, 'cpuMs' | 'idleMb' | 'peakMb' | 'busyRatio'>;

/** The load, and what the processes of the gateway used meanwhile. */
async function watched(pid: number | undefined, run: () => Promise<StreamLoadResult>): Promise<Watched> {
  const usage = () => (pid === undefined ? undefined : processTreeUsage(pid));
  const before = usage();
  const machineBefore = machineTime();
  let peakMb = before?.residentMb ?? 0;
  const look = setInterval(() => {
    peakMb = Math.max(peakMb, usage()?.residentMb ?? 0);
  }, LOOK_MS);
  const result = await run().finally(() => clearInterval(look));
  const after = usage();
  return {
    ...result,
    cpuMs: before === undefined || after === undefined ? null : after.cpuMs - before.cpuMs,
    idleMb: before?.residentMb ?? null,
    peakMb: before === undefined ? null : peakMb,
    busyRatio: busyShare(machineBefore, machineTime()),
  };
}

function busyShare(before: MachineTime | undefined, after: MachineTime | undefined): number | null {
  if (before === undefined || after === undefined || after.totalMs === before.totalMs) return null;
  return (after.busyMs - before.busyMs) / (after.totalMs - before.totalMs);
}

function runLoad(load: StreamLoad): Promise<StreamLoadResult> {
  const program = fileURLToPath(new URL('./stream-client.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(load)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const kill = (): void => void child.kill('SIGKILL');
    process.on('exit', kill);
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', kill);
      if (code === 0) resolve(JSON.parse(output) as StreamLoadResult);
      else reject(new Error(`the load generator ended with ${code}`));
    });
  });
}
