import { hasTiles } from '@sluice/worker';
import type { LlamaCpp } from '../peers/llama-cpp-build.js';
import type { Subject } from './subject.js';

/** llama-server rounds a slot's context up to a multiple of 256 itself. */
const slackTokens = 16;

export interface LlamaServerOptions {
  readonly llamaCpp: LlamaCpp;
  readonly modelFile: string;
  /** Of the weights, for the name: `same` GGUF as ours or its `f16` conversion. */
  readonly weights: string;
  /** Tokens of a pass (`-b` and `-ub`): 512 is its default, fewer bound the gaps of running streams. */
  readonly batchTokens: number;
  readonly threads: number;
  /** Prompt and output of one request, in tokens. */
  readonly requestTokens: number;
}

/**
 * llama.cpp's server at its best for this load: as many slots as there are requests, each with room for one request and
 * no more; continuous batching and flash attention as they are by default; no copies of finished prompts into its
 * prompt cache, because no prompt comes twice.
 */
export function llamaServer(options: LlamaServerOptions): Subject {
  const name = `llama-server ${options.weights} b${options.batchTokens}`;
  return {
    name,
    own: false,
    where: {
      kind: 'start',
      command: (concurrency, port) => ({
        name,
        command: options.llamaCpp.serverFile,
        args: [
          ['--model', options.modelFile],
          ['--host', '127.0.0.1', '--port', `${port}`],
          ['--threads', `${options.threads}`, '--threads-batch', `${options.threads}`],
          ['--parallel', `${concurrency}`],
          ['--ctx-size', `${concurrency * (options.requestTokens + slackTokens)}`],
          ['--batch-size', `${options.batchTokens}`, '--ubatch-size', `${options.batchTokens}`],
          ['--cache-ram', '0', '--cont-batching', '--log-verbosity', '2'],
          // It crashes as it repacks Q4_1 for AMX.
          options.weights === 'same' && hasTiles() ? ['--no-repack'] : [],
        ].flat(),
        url: `http://127.0.0.1:${port}`,
        readyPath: '/health',
        readyMsMax: 120_000,
      }),
    },
  };
}
