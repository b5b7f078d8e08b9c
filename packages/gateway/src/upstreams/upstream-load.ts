/** What an upstream's metrics say of its load; 0 where they say nothing. */
export interface UpstreamLoad {
  readonly running: number;
  readonly waiting: number;
  readonly kvTokensUsed: number;
  readonly kvTokensMax: number;
  /** 0: not known. */
  readonly slotsMax: number;
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/** Names of the same gauge in vLLM, SGLang, llama.cpp's server and gateways of ours. */
const names = {
  running: [
    'vllm:num_requests_running',
    'sglang:num_running_reqs',
    'llamacpp:requests_processing',
    'sluice_worker_running_sequences',
  ],
  waiting: [
    'vllm:num_requests_waiting',
    'sglang:num_queue_reqs',
    'llamacpp:requests_deferred',
    'sluice_worker_waiting_sequences',
  ],
  kvUsage: [
    'vllm:kv_cache_usage_perc',
    'vllm:gpu_cache_usage_perc',
    'sglang:token_usage',
    'llamacpp:kv_cache_usage_ratio',
  ],
  kvUsed: ['sglang:num_used_tokens', 'llamacpp:kv_cache_tokens', 'sluice_worker_kv_used_tokens'],
  kvMax: ['sglang:max_total_num_tokens', 'sluice_worker_kv_max_tokens'],
  slots: ['sluice_worker_slots_max'],
  prefillRate: ['llamacpp:prompt_tokens_seconds', 'sluice_worker_prefill_tokens_per_second'],
  decodeRate: ['llamacpp:predicted_tokens_seconds', 'sluice_worker_decode_tokens_per_second'],
} as const;

/**
 * Reads the text format of Prometheus for the gauges above: of several series (models, engines, workers) the sum, of
 * ratios the highest. Undefined where neither running nor waiting requests are told.
 */
export function readLoad(metrics: string): UpstreamLoad | undefined {
  const series = new Map<string, number[]>();
  let kvMax = 0;
  for (const [, name = '', labels = '', given = ''] of metrics.matchAll(sample)) {
    if (infoNames.has(name)) kvMax += tokensOfCache(labels);
    const value = Number(given);
    if (!wanted.has(name) || !Number.isFinite(value) || value < 0) continue;
    const values = series.get(name);
    if (values === undefined) series.set(name, [value]);
    else values.push(value);
  }
  const find = (candidates: readonly string[]): readonly number[] | undefined =>
    candidates.map((name) => series.get(name)).find((values) => values !== undefined);
  const sum = (candidates: readonly string[]): number => (find(candidates) ?? []).reduce((a, b) => a + b, 0);
  const running = find(names.running);
  if (running === undefined && find(names.waiting) === undefined) return undefined;
  const kvTokensMax = sum(names.kvMax) || kvMax;
  const kvUsage = Math.min(1, Math.max(0, ...(find(names.kvUsage) ?? [])));
  return {
    running: sum(names.running),
    waiting: sum(names.waiting),
    kvTokensUsed: sum(names.kvUsed) || kvUsage * kvTokensMax,
    kvTokensMax,
    slotsMax: sum(names.slots),
    prefillTokensPerSecond: sum(names.prefillRate),
    decodeTokensPerSecond: sum(names.decodeRate),
  };
}

const wanted: ReadonlySet<string> = new Set(Object.values(names).flat());

/** Samples whose labels say how large the cache is. */
const infoNames: ReadonlySet<string> = new Set(['vllm:cache_config_info']);

/** `name{labels} value`; values of labels may hold braces. Longer lines are of no gauge that is looked for. */
const sample = /^([a-zA-Z_:][\w:]{0,100})(?:\{((?:[^"}\n]|"(?:[^"\\\n]|\\.)*"){0,4000})\})?[ \t]+([^\s]{1,40})/gm;

function tokensOfCache(labels: string): number {
  const read = (name: string): number => Number(new RegExp(`(?:^|,)${name}="(\\d{1,9})"`).exec(labels)?.[1] ?? 0);
  return read('block_size') * read('num_gpu_blocks');
}
