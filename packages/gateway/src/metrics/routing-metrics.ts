import { Counter, Histogram, type Registry } from 'prom-client';
import type { PrefixIndex } from '../routing/prefix-index.js';
import type { RoutingMetrics } from '../routing/routing.js';
import { gaugesIn } from './gauge.js';

/** Actual by predicted time: a tenth to ten times. */
const ratioBuckets = [0.1, 0.25, 0.5, 0.67, 0.8, 0.9, 1, 1.11, 1.25, 1.5, 2, 4, 10];

/** @param policy the name of the policy that chooses. */
export function createRoutingMetrics(registry: Registry, policy: string, prefixes: PrefixIndex): RoutingMetrics {
  const registers = [registry];
  const choices = new Counter({
    name: 'sluice_gateway_routing_choices_total',
    help: 'Requests sent to a worker, by the policy that chose it.',
    labelNames: ['policy', 'worker'],
    registers,
  });
  const prediction = new Histogram({
    name: 'sluice_gateway_routing_first_token_ratio',
    help: 'Time to the first token at the chosen worker, as a multiple of what was predicted.',
    buckets: ratioBuckets,
    registers,
  });
  const hits = new Counter({
    name: 'sluice_gateway_routing_prefix_hits_total',
    help: 'Requests sent to a worker that was believed to have the beginning of their prompt cached.',
    registers,
  });
  const hitTokens = new Counter({
    name: 'sluice_gateway_routing_prefix_tokens_total',
    help: 'Prompt tokens that the chosen worker was believed to have cached.',
    registers,
  });
  const gauge = gaugesIn(registers);
  gauge('sluice_gateway_prefix_index_bytes', 'Bytes of the prefix index in use.', () => prefixes.bytes);
  gauge('sluice_gateway_prefix_index_bytes_max', 'Bytes that the prefix index may take.', () => prefixes.bytesMax);
  gauge(
    'sluice_gateway_prefix_index_entries',
    'Blocks of prompts in the prefix index, each once for each worker that has it.',
    () => prefixes.entries,
  );
  return {
    countChoice: (worker, expectedTokens) => {
      choices.inc({ policy, worker });
      if (expectedTokens === 0) return;
      hits.inc();
      hitTokens.inc(expectedTokens);
    },
    countPrediction: (ratio) => prediction.observe(ratio),
    forget: (worker) => choices.remove({ policy, worker }),
  };
}
