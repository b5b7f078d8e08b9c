import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort, ServerProcess } from '../io/server-process.js';
import type { GatewaySubject } from './gateway-subjects.js';
import { type MockFleet, startMockFleet } from './mock-fleet.js';
import { HALF_WAY, type StreamLoad, type StreamLoadResult } from './stream-client.js';

const ENGINES = 2;
const REQUEST_MS_MAX = 120_000;

/** A gateway in front of engines, as long as it is used. */
export interface RunningSubject {
  readonly fleet: MockFleet;
  /** Undefined where there is no gateway. */
  readonly pid: number | undefined;
  /** @param onHalfWay when half of the tokens have come. */
  load(load: SubjectLoad, onHalfWay?: () => void): Promise<StreamLoadResult>;
}

export type SubjectLoad = Pick<StreamLoad, 'streams' | 'requestsPerStream' | 'tokens' | 'rampMs'>;

export interface RunPlan {
  readonly stepMs: number;
  /** See {@link StreamLoad}. */
  readonly isNumbered: boolean;
  /** What goes through it unmeasured, because gateways run for days and their first second says little of that. */
  readonly warmUp: SubjectLoad;
}

/**
 * Starts engines and gateway anew, warms them up, and takes them down when `use` is over.
 * @throws Error with the end of its output when the gateway does not start.
 */
export async function withRunningSubject<Result>(
  subject: GatewaySubject,
  { stepMs, isNumbered, warmUp }: RunPlan,
  use: (running: RunningSubject) => Promise<Result>,
): Promise<Result> {
  const isDirect = subject.command === undefined;
  const fleet = await startMockFleet({ kind: subject.engines, count: isDirect ? 1 : ENGINES, stepMs, isNumbered });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'));
  let server: ServerProcess | undefined;
  try {
    const port = isDirect ? fleet.ports[0]! : await freePort();
    if (subject.command !== undefined) {
      const place = { port, sparePort: await freePort(), enginePorts: fleet.ports, folder };
      server = await ServerProcess.start(subject.command(place));
    }
    const common = {
      port,
      requestMsMax: REQUEST_MS_MAX,
      headers: subject.headers?.(fleet.ports) ?? {},
      isNumbered,
    };
    const load = (one: SubjectLoad, onHalfWay?: () => void) => runLoad({ ...common, ...one }, onHalfWay);
    await load(warmUp);
    return await use({ fleet, pid: server?.pid, load });
  } finally {
    await server?.stop();
    fleet.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In a process of its own. */
function runLoad(load: StreamLoad, onHalfWay: () => void = () => undefined): Promise<StreamLoadResult> {
  const program = fileURLToPath(new URL('./stream-client.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(load)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const kill = (): void => void child.kill('SIGKILL');
    process.on('exit', kill);
    let lastLine = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      lastLine = line;
      if (line === HALF_WAY) onHalfWay();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', kill);
      if (code === 0) resolve(JSON.parse(lastLine) as StreamLoadResult);
      else reject(new Error(`the load generator ended with ${code}`));
    });
  });
}
