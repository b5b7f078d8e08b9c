import type { Vllm } from '../peers/vllm.js';
import type { Subject } from './subject.js';

/** Room for a token that a server may put in front of a prompt. */
const slackTokens = 16;
/** GiB of keys and values: more than all requests of a run hold. */
const KV_GIB = 4;

export interface VllmServerOptions {
  readonly vllm: Vllm;
  /** Folder with the model in bfloat16. */
  readonly modelFolder: string;
  readonly threads: number;
  /** Prompt and output of one request, in tokens. */
  readonly requestTokens: number;
}

/** vLLM's server on the CPU: bfloat16, one worker bound to as many cores as others have threads, no prefixes kept. */
export function vllmServer({ vllm, modelFolder, threads, requestTokens }: VllmServerOptions): Subject {
  return {
    name: 'vllm bf16',
    own: false,
    where: {
      kind: 'start',
      command: (concurrency, port) => ({
        name: 'vllm bf16',
        command: vllm.python,
        args: [
          ['-m', 'vllm.entrypoints.openai.api_server'],
          ['--host', '127.0.0.1', '--port', `${port}`],
          ['--model', modelFolder, '--served-model-name', 'model', '--dtype', 'bfloat16'],
          ['--max-model-len', `${requestTokens + slackTokens}`, '--max-num-seqs', `${Math.max(concurrency, 2)}`],
          ['--no-enable-prefix-caching'],
        ].flat(),
        environment: {
          VLLM_CPU_KVCACHE_SPACE: `${KV_GIB}`,
          VLLM_CPU_OMP_THREADS_BIND: `0-${threads - 1}`,
          VLLM_NO_USAGE_STATS: '1',
          DO_NOT_TRACK: '1',
          HF_HUB_OFFLINE: '1',
        },
        url: `http://127.0.0.1:${port}`,
        readyPath: '/health',
        readyMsMax: 600_000,
      }),
    },
  };
}
