import { describe, expect, it } from 'vitest';
import { readLoad } from './upstream-load.js';

const none = {
  running: 0,
  waiting: 0,
  kvTokensUsed: 0,
  kvTokensMax: 0,
  slotsMax: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
};

describe('readLoad', () => {
  it.each([
    [
      'vLLM',
      `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a/b"} 3.0
vllm:num_requests_running{engine="1",model_name="a/b"} 2.0
vllm:num_requests_waiting{engine="0",model_name="a/b"} 1.0
vllm:kv_cache_usage_perc{engine="0",model_name="a/b"} 0.5
vllm:cache_config_info{block_size="16",cache_dtype="auto",num_gpu_blocks="100",x="}"} 1.0
vllm:request_success_total{finished_reason="stop"} 7.0
`,
      { running: 5, waiting: 1, kvTokensUsed: 800, kvTokensMax: 1600 },
    ],
    [
      'an older vLLM',
      'vllm:num_requests_running 1\nvllm:num_requests_waiting 0\nvllm:gpu_cache_usage_perc 0.25\n',
      { running: 1 },
    ],
    [
      'SGLang',
      'sglang:num_running_reqs{model_name="m"} 4\nsglang:num_queue_reqs{model_name="m"} 9\nsglang:num_used_tokens 512\nsglang:max_total_num_tokens 4096\nsglang:token_usage 0.9\n',
      { running: 4, waiting: 9, kvTokensUsed: 512, kvTokensMax: 4096 },
    ],
    [
      'llama.cpp',
      'llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\nllamacpp:prompt_tokens_seconds 812.5\nllamacpp:predicted_tokens_seconds 40\n',
      { running: 2, waiting: 1, prefillTokensPerSecond: 812.5, decodeTokensPerSecond: 40 },
    ],
    [
      'a gateway of ours',
      'sluice_worker_running_sequences{worker="a:1"} 1\nsluice_worker_running_sequences{worker="b:1"} 2\nsluice_worker_slots_max{worker="a:1"} 16\nsluice_worker_slots_max{worker="b:1"} 16\n',
      { running: 3, slotsMax: 32 },
    ],
  ])('reads what %s says', (_, text, load) => {
    expect(readLoad(text)).toEqual({ ...none, ...load });
  });

  it.each([
    ['', 'nothing'],
    ['go_goroutines 7\n', 'no load'],
    ['vllm:num_requests_running NaN\nvllm:num_requests_waiting -1\nvllm:num_requests_running{ 3\n', 'no numbers'],
  ])('finds no load in %j: %s', (text) => {
    expect(readLoad(text)).toBeUndefined();
  });

  it('is not held up by what is no text of metrics', () => {
    const text = `vllm:num_requests_running{${'a="\\"'.repeat(200_000)}`;
    expect(readLoad(text)).toBeUndefined();
    expect(readLoad(`${'vllm:num_requests_running{a="'.repeat(50_000)}`)).toBeUndefined();
  });
});
