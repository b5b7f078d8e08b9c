import { fileURLToPath } from 'node:url';
import type { ServerCommand } from '../io/server-process.js';
import type { SubjectName } from './gateway-settings.js';

/** A gateway under measurement. */
export interface GatewaySubject {
  readonly name: SubjectName;
  readonly own: boolean;
  /** What it speaks to: Sluice's contract, or OpenAI's API. */
  readonly engines: 'worker' | 'engine';
  /** How it is started in front of these engines; undefined: there is no gateway, the first engine itself is asked. */
  readonly command: ((port: number, enginePorts: readonly number[]) => ServerCommand) | undefined;
}

export function directSubject(): GatewaySubject {
  return { name: 'direct', own: false, engines: 'engine', command: undefined };
}

export function sluiceSubject(): GatewaySubject {
  const main = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url));
  return {
    name: 'sluice',
    own: true,
    engines: 'worker',
    command: (port, enginePorts) => ({
      name: 'sluice gateway',
      command: process.execPath,
      args: [main, 'gateway', '--port', `${port}`, ...enginePorts.flatMap((one) => ['--worker', `127.0.0.1:${one}`])],
      url: `http://127.0.0.1:${port}`,
      readyPath: '/ready',
      readyMsMax: 30_000,
    }),
  };
}
