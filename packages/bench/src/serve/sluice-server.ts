import { fileURLToPath } from 'node:url';
import type { Subject } from './subject.js';

/** A chat template or a start token that a server may put around a prompt still fits. */
const slackTokens = 16;

export interface SluiceServerOptions {
  /** As `sluice up --model` takes it. */
  readonly model: string;
  readonly threads: number;
  /** The same server for every concurrency, as a user would run it: slots for the highest. */
  readonly slots: number;
  /** Prompt and output of one request, in tokens. */
  readonly requestTokens: number;
  /** Further flags of `sluice up`. */
  readonly flags: readonly string[];
}

/** Ours, by the front door: gateway and one worker, as `sluice up` starts them. */
export function sluiceServer(options: SluiceServerOptions): Subject {
  const main = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url));
  return {
    name: 'sluice',
    own: true,
    where: {
      kind: 'start',
      command: (_concurrency, port) => ({
        name: 'sluice',
        command: process.execPath,
        args: [
          [main, 'up', '--host', '127.0.0.1', '--port', `${port}`],
          ['--model', options.model, '--workers', '1', '--threads', `${options.threads}`],
          ['--slots', `${options.slots}`, '--context', `${options.requestTokens + slackTokens}`],
          options.flags,
        ].flat(),
        url: `http://127.0.0.1:${port}`,
        readyPath: '/ready',
        readyMsMax: 600_000,
      }),
    },
  };
}
