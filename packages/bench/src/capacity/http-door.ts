import { CompletionClient } from '../io/completion-client.js';
import { processTreeUsage } from '../io/process-usage.js';
import { freePort, ServerProcess } from '../io/server-process.js';
import type { LlamaCpp } from '../peers/llama-cpp-build.js';
import { llamaServer } from '../serve/llama-server.js';
import { onlyModel, settle } from '../serve/measure.js';
import { sluiceServer } from '../serve/sluice-server.js';
import type { Subject } from '../serve/subject.js';
import { CONTEXT_TOKENS, SLOTS } from './capacity-settings.js';

/** A server that is measured over HTTP. */
export interface HttpSubject {
  readonly subject: Subject;
  /** Further fields of each request. */
  readonly fields: object;
  /** It reads `x-sluice-tbt-ms`. */
  readonly saysObjectives: boolean;
  /** Told, when it is stopped, what CPU time its processes took. */
  readonly onStop: (cpuMs: number) => void;
}

/** Room that `sluiceServer` and `llamaServer` leave beside a request. */
const SLACK_TOKENS = 16;

export interface ServerOptions {
  readonly modelFile: string;
  readonly weights: string;
  readonly kernels: string;
  readonly kv: string;
  readonly threads: number;
  readonly onStop: (cpuMs: number) => void;
}

/** Gateway and one worker as `sluice up` starts them, with as many slots and as much context as the engine here has. */
export function sluiceHttp({ modelFile, weights, kernels, kv, threads, onStop }: ServerOptions): HttpSubject {
  const flags = ['--weights', weights, '--kernels', kernels, '--kv', kv, '--prefix-cache', 'off', '--scheduler', 'slo'];
  const requestTokens = CONTEXT_TOKENS - SLACK_TOKENS;
  const started = sluiceServer({ model: modelFile, threads, slots: SLOTS, requestTokens, flags });
  return { subject: { ...started, name: 'sluice (http)' }, fields: {}, saysObjectives: true, onStop };
}

/** llama-server with the same file, as many slots, each with as much context; it reuses nothing of other prompts. */
export function llamaHttp(
  { modelFile, threads, onStop }: ServerOptions,
  llamaCpp: LlamaCpp,
  batchTokens: number,
): HttpSubject {
  const requestTokens = CONTEXT_TOKENS - SLACK_TOKENS;
  const started = llamaServer({ llamaCpp, modelFile, weights: 'same', batchTokens, threads, requestTokens });
  return {
    subject: { ...started, name: `llama-server b${batchTokens}` },
    fields: { cache_prompt: false },
    saysObjectives: false,
    onStop,
  };
}

/** A server while it runs. */
export class HttpDoor {
  readonly #server: ServerProcess;
  readonly #url: string;
  readonly #model: string | undefined;
  readonly #fields: object;
  readonly #onStop: (cpuMs: number) => void;

  /** @throws Error with the end of its output where it does not start, or fails on the request that warms it up. */
  static async open({ subject, fields, onStop }: HttpSubject): Promise<HttpDoor> {
    if (subject.where.kind !== 'start') throw new Error(`${subject.name} is not ours to start`);
    const command = subject.where.command(SLOTS, await freePort());
    const server = await ServerProcess.start(command);
    try {
      const door = new HttpDoor(server, command.url, await onlyModel(command.url), fields, onStop);
      const client = await door.client();
      const { outcome, reason } = await client.send({ promptIds: [5_000, 6_000, 7_000], outputTokens: 4 });
      await client.close();
      if (outcome === 'failed') throw new Error(`${subject.name}: the first request failed: ${reason}`);
      return door;
    } catch (thrown) {
      await server.stop();
      throw thrown;
    }
  }

  private constructor(
    server: ServerProcess,
    url: string,
    model: string | undefined,
    fields: object,
    onStop: (cpuMs: number) => void,
  ) {
    this.#onStop = onStop;
    this.#server = server;
    this.#url = url;
    this.#model = model;
    this.#fields = fields;
  }

  /** A client of its own for each trial, once the server is idle: what a closed one had open is cancelled by then. */
  async client(): Promise<CompletionClient> {
    await settle(this.#server.pid);
    return new CompletionClient({ url: this.#url, model: this.#model, fields: this.#fields });
  }

  stop(): Promise<void> {
    if (this.#server.pid !== undefined) this.#onStop(processTreeUsage(this.#server.pid)?.cpuMs ?? 0);
    return this.#server.stop();
  }
}
