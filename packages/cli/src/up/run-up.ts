import { randomBytes } from 'node:crypto';
import type { RoutingName } from '@sluice/gateway';
import { cacheFolder } from '@sluice/shared';
import { listModels, streamChat } from '../client/chat-stream.js';
import { waitUntilReady } from '../client/readiness.js';
import { type AccessFlags, accessArguments, checkAccess, needsKey, ownKeyVariable } from '../commands/access-flags.js';
import type { ModelFlags } from '../commands/serving-flags.js';
import { drainMs } from '../commands/serving-flags.js';
import { threadsPerWorker } from '../cpu-share.js';
import { ProgressLine } from '../terminal/progress-line.js';
import { styleFor } from '../terminal/style.js';
import { Fleet } from './fleet.js';
import { findPort } from './listen-error.js';
import { renderWelcome } from './welcome.js';

export interface UpOptions extends ModelFlags, AccessFlags {
  readonly port: number;
  readonly host: string;
  readonly workers: number;
  readonly gateways: number;
  readonly routing: RoutingName;
  readonly verbose: boolean;
}

/** The first question through the front door, and the longest answer to it. */
const question = { text: 'What is the capital of France?', tokensMax: 48 };

/** How long a gateway may take to attach to workers that serve already, in milliseconds. */
const readyWaitMs = 20_000;

/**
 * The whole of `sluice up`: fleet up, one real question, welcome, and then nothing until a signal or a fleet that cannot
 * go on. Resolves with the exit status when no child is left.
 */
export async function runUp(options: UpOptions): Promise<number> {
  await checkAccess(options);
  const port = await findPort(options.host, options.port);
  const style = styleFor(process.stderr);
  const line = new ProgressLine(process.stderr);
  const say = (text: string): void => {
    line.clear();
    process.stderr.write(`${text}\n`);
  };
  const threads = options.threads ?? threadsPerWorker(options.workers);
  const fleet = new Fleet({
    ...options,
    port,
    threads,
    access: accessArguments(options),
    logFolder: cacheFolder(),
    onProgress: (progress) => line.update(progress),
    onNews: (text) => say(style.dim(text)),
    ...(options.verbose ? { onLogLine: say } : {}),
  });
  const apiKey = needsKey(options) ? await ownKey() : undefined;
  const stopped = stopOnSignals(fleet, say);
  try {
    const url = await Promise.race([fleet.start(), stopped]);
    if (typeof url === 'number') return url;
    line.update({ phase: 'asking it a first question', done: 0, total: undefined });
    const welcome = await Promise.race([askFirstQuestion(url, apiKey), stopped]);
    if (typeof welcome === 'number') return welcome;
    line.clear();
    const facts = {
      ...welcome,
      url,
      needsKey: apiKey !== undefined,
      threads,
      workers: options.workers,
      gateways: options.gateways,
      logFolder: fleet.logFolder,
    };
    process.stdout.write(renderWelcome(facts, styleFor(process.stdout)));
    return await Promise.race([stopped, fleet.gaveUp]);
  } catch (error) {
    line.clear();
    throw error;
  } finally {
    await fleet.stop(0);
  }
}

/** A key for the first question, which the gateway finds in its environment and nobody else sees. */
async function ownKey(): Promise<string> {
  const { makeKey } = await import('@sluice/gateway');
  const { key } = makeKey(randomBytes(32), randomBytes(8));
  process.env[ownKeyVariable] = key;
  return key;
}

async function askFirstQuestion(url: string, apiKey: string | undefined) {
  await waitUntilReady(url, readyWaitMs);
  const [model = ''] = await listModels(url, apiKey);
  const answer = await streamChat({
    url,
    apiKey,
    model,
    messages: [{ role: 'user', content: question.text }],
    tokensMax: question.tokensMax,
    temperature: 0,
  });
  return { model, question: question.text, answer };
}

/** Resolves with an exit status once the first SIGINT or SIGTERM has led to a stop in order; a second one forces it. */
function stopOnSignals(fleet: Fleet, say: (text: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      if (signals === 1) {
        say('Stopping: running requests may finish. Ctrl-C again stops at once.');
        fleet.stop(drainMs).then(() => resolve(0), reject);
      } else {
        fleet.kill();
        resolve(130);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
