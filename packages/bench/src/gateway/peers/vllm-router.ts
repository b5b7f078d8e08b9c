import path from 'node:path';
import type { Progress } from '../../io/progress.js';
import { installPythonPeer } from '../../peers/python-peer.js';
import type { GatewaySubject } from '../gateway-subjects.js';

const version = '0.1.17';

/** vLLM's router: a program in Rust that comes as a Python package. */
export async function vllmRouterSubject(progress: Progress): Promise<GatewaySubject> {
  const programs = await installPythonPeer({ name: 'vllm-router', version }, progress);
  return {
    name: 'vllm-router',
    own: false,
    version,
    engines: 'engine',
    command: ({ port, sparePort, enginePorts }) => ({
      name: 'vllm-router',
      command: path.join(programs, 'vllm-router'),
      args: [
        ...['--host', '127.0.0.1', '--port', `${port}`, '--policy', 'round_robin', '--log-level', 'error'],
        ...['--prometheus-host', '127.0.0.1', '--prometheus-port', `${sparePort}`],
        // It queues 100 beyond these and refuses the rest.
        ...['--max-concurrent-requests', '32768'],
        ...['--worker-urls', ...enginePorts.map((one) => `http://127.0.0.1:${one}`)],
      ],
      url: `http://127.0.0.1:${port}`,
      readyPath: '/readiness',
      readyMsMax: 60_000,
    }),
  };
}
