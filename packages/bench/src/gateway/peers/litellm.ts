import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Progress } from '../../io/progress.js';
import { installPythonPeer } from '../../peers/python-peer.js';
import type { GatewaySubject } from '../gateway-subjects.js';
import { MODEL } from '../mock-text.js';

const version = '1.100.0';

/** LiteLLM's proxy, one process of Python, without a database. */
export async function litellmSubject(progress: Progress): Promise<GatewaySubject> {
  const programs = await installPythonPeer({ name: 'litellm', version, extras: 'proxy' }, progress);
  return {
    name: 'litellm',
    own: false,
    version,
    engines: 'engine',
    command: ({ port, enginePorts, folder }) => {
      const file = path.join(folder, 'litellm.yaml');
      writeFileSync(file, litellmConfig(enginePorts));
      return {
        name: 'litellm',
        command: path.join(programs, 'litellm'),
        args: ['--host', '127.0.0.1', '--port', `${port}`, '--config', file, '--num_workers', '1'],
        // Prices of models come from its package instead of the network.
        environment: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR', LITELLM_TELEMETRY: 'False' },
        url: `http://127.0.0.1:${port}`,
        readyPath: '/health/readiness',
        readyMsMax: 120_000,
      };
    },
    // About 0.8 ms a token and 10 ms a request, on one core.
    limits: { tokensPerSecondMax: 800, requestsMax: 600, streamsMax: 512, quickStreamsMax: 64 },
  };
}

function litellmConfig(enginePorts: readonly number[]): string {
  const models = enginePorts.map((one) => ({
    model_name: MODEL,
    litellm_params: { model: `openai/${MODEL}`, api_base: `http://127.0.0.1:${one}/v1`, api_key: 'sk-none' },
  }));
  // JSON is YAML.
  return JSON.stringify({ model_list: models });
}
