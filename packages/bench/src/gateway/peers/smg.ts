import path from 'node:path';
import type { Progress } from '../../io/progress.js';
import { installPythonPeer } from '../../peers/python-peer.js';
import type { GatewaySubject } from '../gateway-subjects.js';

const version = '1.13.0';

/** Shepherd Model Gateway, which SGLang's router became: a program in Rust that comes as a Python package. */
export async function smgSubject(progress: Progress): Promise<GatewaySubject> {
  const programs = await installPythonPeer({ name: 'smg', version }, progress);
  return {
    name: 'smg',
    own: false,
    version,
    engines: 'engine',
    command: ({ port, sparePort, enginePorts }) => ({
      name: 'smg',
      command: path.join(programs, 'smg'),
      args: [
        ...['launch', '--host', '127.0.0.1', '--port', `${port}`, '--policy', 'round_robin', '--log-level', 'error'],
        ...['--prometheus-host', '127.0.0.1', '--prometheus-port', `${sparePort}`],
        ...['--max-concurrent-requests', '32768', '--disable-tokenizer-autoload'],
        ...['--worker-urls', ...enginePorts.map((one) => `http://127.0.0.1:${one}`)],
      ],
      url: `http://127.0.0.1:${port}`,
      readyPath: '/readiness',
      readyMsMax: 60_000,
    }),
  };
}
