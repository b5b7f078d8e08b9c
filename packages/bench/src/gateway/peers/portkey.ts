import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../../io/command.js';
import type { Progress } from '../../io/progress.js';
import { peerFolder } from '../../peers/peer-folder.js';
import type { GatewaySubject } from '../gateway-subjects.js';

const version = '1.15.2';

/**
 * Older than what its package.json allows at most. With the newest ones every stream fails: it writes into the headers
 * of its engine's answer, which they no longer copy.
 */
const pins = { hono: '4.9.7', '@hono/node-server': '1.14.0' };

/** Portkey's gateway, TypeScript on Node. */
export async function portkeySubject(progress: Progress): Promise<GatewaySubject> {
  const folder = await peerFolder(`portkey-${version}`, async (empty) => {
    progress.stage(`portkey: installing ${version}, once`);
    const dependencies = { '@portkey-ai/gateway': version, ...pins };
    const manifest = JSON.stringify({ private: true, dependencies, overrides: pins });
    writeFileSync(path.join(empty, 'package.json'), manifest);
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts'];
    await runCommand('npm', args, { folder: empty, onLine: progress.detail });
  });
  return {
    name: 'portkey',
    own: false,
    version,
    engines: 'engine',
    command: ({ port }) => ({
      name: 'portkey',
      command: process.execPath,
      args: [
        path.join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js'),
        `--port=${port}`,
        '--headless',
      ],
      environment: { NODE_ENV: 'production' },
      url: `http://127.0.0.1:${port}`,
      readyPath: '/',
      readyMsMax: 30_000,
    }),
    // It is told with each request where to send it.
    headers: (enginePorts) => ({
      'x-portkey-config': JSON.stringify({
        strategy: { mode: 'loadbalance' },
        targets: enginePorts.map((one) => ({
          provider: 'openai',
          api_key: 'sk-none',
          custom_host: `http://127.0.0.1:${one}/v1`,
        })),
      }),
    }),
    // About 0.1 ms a token and 1.4 ms a request, on one core.
    limits: { tokensPerSecondMax: 6_000, requestsMax: 4_000, streamsMax: 5_000, quickStreamsMax: 512 },
  };
}
