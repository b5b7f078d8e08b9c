import { fileURLToPath } from 'node:url';
import type { Progress } from '../io/progress.js';
import type { ServerCommand } from '../io/server-process.js';
import type { SubjectName } from './gateway-settings.js';
import { litellmSubject } from './peers/litellm.js';
import { nginxSubject } from './peers/nginx.js';
import { portkeySubject } from './peers/portkey.js';
import { smgSubject } from './peers/smg.js';
import { vllmRouterSubject } from './peers/vllm-router.js';

/** A gateway under measurement. */
export interface GatewaySubject {
  readonly name: SubjectName;
  readonly own: boolean;
  readonly version: string;
  /** What it speaks to: Sluice's contract, or OpenAI's API. */
  readonly engines: 'worker' | 'engine';
  /** How it is started in front of engines; undefined: there is no gateway, the first engine itself is asked. */
  readonly command: ((place: GatewayPlace) => ServerCommand) | undefined;
  /** What it wants of every request beyond the usual. */
  readonly headers?: (enginePorts: readonly number[]) => Readonly<Record<string, string>>;
  /** What it carries without being at its limit, where that is less than the load has. */
  readonly limits?: GatewayLimits;
}

export interface GatewayLimits {
  readonly tokensPerSecondMax: number;
  readonly requestsMax: number;
  /** More streams would take minutes at that rate. */
  readonly streamsMax: number;
  readonly quickStreamsMax: number;
}

export interface GatewayPlace {
  readonly port: number;
  /** Free, for its metrics. */
  readonly sparePort: number;
  readonly enginePorts: readonly number[];
  /** Empty, there for as long as the gateway. */
  readonly folder: string;
}

/** By name; a peer is installed at its first call. @throws Error that says why it cannot be installed. */
export const gatewaySubjects: Readonly<Record<SubjectName, (progress: Progress) => Promise<GatewaySubject>>> = {
  direct: async () => ({ name: 'direct', own: false, version: '', engines: 'engine', command: undefined }),
  nginx: nginxSubject,
  sluice: async () => sluiceSubject(),
  'vllm-router': vllmRouterSubject,
  smg: smgSubject,
  portkey: portkeySubject,
  litellm: litellmSubject,
};

/** More than any load has streams. */
const REQUESTS_MAX = 32_768;

function sluiceSubject(): GatewaySubject {
  const main = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url));
  return {
    name: 'sluice',
    own: true,
    version: '',
    engines: 'worker',
    command: ({ port, enginePorts }) => ({
      name: 'sluice gateway',
      command: process.execPath,
      args: [
        ...[main, 'gateway', '--port', `${port}`, '--requests-max', `${REQUESTS_MAX}`],
        ...enginePorts.flatMap((one) => ['--worker', `127.0.0.1:${one}`]),
      ],
      url: `http://127.0.0.1:${port}`,
      readyPath: '/ready',
      readyMsMax: 30_000,
    }),
  };
}
